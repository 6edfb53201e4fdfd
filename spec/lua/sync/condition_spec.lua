local parallel = require "parallel"
local child = require "spec.support.child"
local raised = require("spec.support.trials").raised

local SOON = 5

-- Processes that wait for the condition: `count` of them do when this returns, in their order.
local function waiting(condition, count, f)
  local here, others = parallel.Semaphore(0), {}
  for i = 1, count do
    others[i] = child.start(function()
      condition:acquire()
      here:release()
      f(i, condition:wait(SOON))
      condition:release()
    end)
    here:acquire()
    condition:with(function() end) -- had only once the other waits
  end
  return others
end

local function notified(_, ok, why) assert.same({true}, {ok, why}) end

describe("parallel.Condition", function()
  for _, kind in ipairs({"Lock", "RLock"}) do
    it("wakes all that wait, with the " .. kind .. " held again", function()
      local condition = parallel.Condition(parallel[kind]())
      local others = waiting(condition, 3, function(...)
        notified(...)
        assert.is_true(condition.lock:is_held())
      end)
      condition:with(function() condition:notify_all() end)
      for _, other in ipairs(others) do other:finish() end
    end)
  end

  it("wakes as many as are asked for, the first come first", function()
    local condition, woken = parallel.Condition(), parallel.Queue()
    local others = waiting(condition, 3, function(i) woken:put(i) end)
    condition:with(function() condition:notify(2) end)
    local first, second = woken:get(), woken:get()
    assert.equal(3, first + second)
    condition:with(function() condition:notify() end)
    assert.equal(3, woken:get())
    for _, other in ipairs(others) do other:finish() end
  end)

  it("forgets notices that nobody waits for", function()
    local condition = parallel.Condition()
    condition:acquire()
    condition:notify_all()
    assert.same({nil, "timeout"}, {condition:wait(0.001)})
    assert.same({nil, "timeout"}, {condition:wait(0)})
    condition:release()
  end)

  it("gives an RLock up whole, and takes it again as often", function()
    local condition = parallel.Condition()
    condition:acquire()
    condition:acquire()
    local other = child.start(function() condition:with(function() condition:notify() end) end)
    assert.same({true}, {condition:wait(SOON)})
    other:finish()
    condition:release()
    assert.is_true(condition.lock:is_held())
    condition:release()
    assert.is_false(condition.lock:is_held())
  end)

  it("waits for what a predicate says", function()
    local condition, items = parallel.Condition(), parallel.Queue()
    local other = child.start(function()
      for i = 1, 3 do
        condition:with(function()
          items:put(i)
          condition:notify()
        end)
      end
    end)
    condition:acquire()
    assert.equal("enough", condition:wait_for(function() return items:qsize() == 3 and "enough" end, SOON))
    assert.same({nil, "timeout"}, {condition:wait_for(function() return false end, 0.001)})
    condition:release()
    other:finish()
  end)

  it("is waited for and notified by the lock's holder alone", function()
    local condition = parallel.Condition()
    assert.match("condition_spec.lua:%d+: attempt to wait for a condition whose lock this process",
      raised(function() condition:wait(0) end))
    assert.match("condition_spec.lua:%d+: attempt to notify a condition whose lock this process",
      raised(function() condition:notify() end))
  end)

  it("needs a lock, and makes its own when given none", function()
    assert.match("bad argument #1 to 'Condition' %(lock expected, got table%)", raised(parallel.Condition, {}))
    assert.is_true(parallel.Condition():acquire(0))
  end)

  it("shares its lock with other conditions", function()
    local lock = parallel.Lock()
    local one, other = parallel.Condition(lock), parallel.Condition(lock)
    local waiter = waiting(one, 1, notified)[1]
    other:with(function() other:notify_all() end)
    one:with(function() one:notify() end)
    waiter:finish()
  end)
end)
