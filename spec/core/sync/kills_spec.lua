-- Whoever is killed, and wherever: the others go on.
local parallel = require "parallel"
local core = require "parallel.core"
local child = require "spec.support.child"
local testing = core.testing

-- More than anything here takes, however busy the machine is.
local SOON = 5

-- Starts f in a process that is killed when it comes to the point for the n-th time.
local function killed_at(point, n, f)
  testing.fault(("%s:killchild@%d"):format(point, n))
  local victim = child.start(f)
  victim:fall()
  testing.fault(nil)
end

local function items_of(queue)
  local items = {}
  for item in function() return (queue:get(0)) end do items[#items + 1] = item end
  return items
end

describe("a queue whose producer is killed", function()
  local POINTS = {
    {"queue.put.begin"}, {"queue.put.copied"}, {"queue.put.prepared"}, {"queue.put.commit", put = true},
    {"lock.release.begin", put = true}, {"lock.release.free", put = true}, {"lock.release.end", put = true},
  }
  for _, at in ipairs(POINTS) do
    it("at " .. at[1] .. " is whole", function()
      local queue = parallel.Queue(3)
      queue:put("before")
      killed_at(at[1], 1, function() queue:put("dead") end)
      assert.is_true(queue:put("after", SOON))
      assert.same(at.put and {"before", "dead", "after"} or {"before", "after"}, items_of(queue))
    end)
  end

  it("while it makes it grow is whole, round the end too", function()
    local queue, filler = parallel.Queue(), ("f"):rep(5000)
    for _ = 1, 3 do queue:put(filler) end
    for _ = 1, 2 do queue:get() end
    queue:put(filler)
    killed_at("queue.grow", 1, function() queue:put(("d"):rep(50000)) end)
    queue:put(("a"):rep(50000))
    assert.same({filler, filler, ("a"):rep(50000)}, items_of(queue))
  end)
end)

describe("a queue whose consumer is killed", function()
  local POINTS = {
    {"queue.get.begin"}, {"queue.get.copied"}, {"queue.get.prepared"}, {"queue.get.commit", taken = true},
    {"lock.release.begin", taken = true}, {"lock.release.end", taken = true},
  }
  for _, at in ipairs(POINTS) do
    it("at " .. at[1] .. " has lost what it had taken, and no more", function()
      local queue = parallel.Queue()
      queue:put("one")
      queue:put("two")
      killed_at(at[1], 1, function() queue:get() end)
      assert.equal(at.taken and "two" or "one", queue:get(SOON))
      assert.equal(at.taken and 0 or 1, queue:qsize())
    end)
  end

  it("wakes a producer that waits for room", function()
    local queue = parallel.Queue(1)
    queue:put("one")
    killed_at("queue.get.commit", 1, function() queue:get() end)
    assert.is_true(queue:put("two", SOON))
  end)

  it("is joined when it was killed after its last task was done", function()
    local queue = parallel.JoinableQueue()
    queue:put(1)
    killed_at("queue.done.commit", 1, function()
      queue:get()
      queue:task_done()
    end)
    assert.is_true(queue:join(SOON))
  end)
end)

describe("producers and consumers killed at random", function()
  it("lose what is in their hands and nothing else", function()
    local queue, got = parallel.Queue(50), parallel.Queue()
    local killed = {producer = 0, consumer = 0}
    local function produce(name)
      for i = 1, math.huge do queue:put(name .. ":" .. i) end
    end
    local function consume()
      for item in function() return (queue:get()) end do got:put(item) end
    end
    local producers, consumers, names, random = {}, {}, 0, 7
    local function next_random(n)
      random = random * 16807 % 2147483647
      return random % n + 1
    end
    local function renew(list, i, kind, f, name)
      if list[i] then
        list[i]:kill()
        killed[kind] = killed[kind] + 1
      end
      list[i] = child.start(f, name)
    end
    local function new_name()
      names = names + 1
      return "p" .. names
    end
    for i = 1, 4 do
      renew(producers, i, "producer", produce, new_name())
      renew(consumers, i, "consumer", consume)
    end
    local seen, last, count = {}, {}, 0
    local function take(item)
      assert.is_nil(seen[item], "twice: " .. item)
      seen[item], count = true, count + 1
      local name, i = item:match("^(p%d+):(%d+)$")
      last[name] = math.max(last[name] or 0, tonumber(i))
    end
    for _ = 1, 60 do
      for _ = 1, 20 + next_random(60) do take((assert(got:get(SOON)))) end
      local kind = next_random(2)
      if kind == 1 then renew(producers, next_random(4), "producer", produce, new_name())
      else renew(consumers, next_random(4), "consumer", consume) end
    end
    for _, producer in ipairs(producers) do producer:kill() end
    queue:close()
    for _, consumer in ipairs(consumers) do consumer:finish() end
    got:close()
    for item in function() return (got:get()) end do take(item) end
    -- What was put is the items up to each producer's last one; those that are missing were
    -- in the hands of a killed consumer, one in each.
    local put = 0
    for _, i in pairs(last) do put = put + i end
    assert.is_true(put - count <= killed.consumer, ("%d missing, %d killed"):format(put - count, killed.consumer))
    assert.is_true(killed.producer > 10 and killed.consumer > 10)
  end)
end)

describe("a lock whose holder is killed", function()
  for _, kind in ipairs({"Lock", "RLock"}) do
    for point, state in pairs({
      ["lock.acquire.begin"] = "free", ["lock.acquire.end"] = "abandoned",
      ["lock.release.begin"] = "abandoned", ["lock.release.free"] = "free", ["lock.release.end"] = "free",
    }) do
      it(("at %s is %s (%s)"):format(point, state, kind), function()
        local lock = parallel[kind]()
        killed_at(point, 1, function()
          lock:acquire()
          lock:release()
        end)
        assert.same(state == "abandoned" and {true, "abandoned"} or {true}, {lock:acquire(SOON)})
        assert.is_true(lock:is_held())
        lock:release()
      end)
    end
  end

  it("is got at once, although others wait for it", function()
    local lock = parallel.Lock()
    local held = parallel.Event()
    local holder = child.start(function()
      lock:acquire()
      held:set()
      parallel.Event():wait()
    end)
    held:wait()
    local others = {}
    for i = 1, 3 do others[i] = child.start(function() assert.is_true(lock:with(function() return true end)) end) end
    holder:kill()
    for _, other in ipairs(others) do other:finish() end
    assert.is_true(lock:acquire(0))
  end)
end)

describe("a semaphore", function()
  it("keeps the unit of one killed with it in hand", function()
    local semaphore = parallel.Semaphore(1)
    killed_at("semaphore.acquire.end", 1, function() semaphore:acquire() end)
    assert.is_false(semaphore:acquire(0))
  end)

  it("has the unit of one killed before it could say so", function()
    local semaphore = parallel.Semaphore(0)
    testing.fault("semaphore.release.free:killchild@1")
    local other = child.start(function() semaphore:release() end)
    assert.is_true(semaphore:acquire(SOON))
    other:fall()
    testing.fault(nil)
  end)

  it("is not touched by one killed before", function()
    local semaphore = parallel.Semaphore(1)
    killed_at("semaphore.acquire.begin", 1, function() semaphore:acquire() end)
    killed_at("semaphore.release.begin", 1, function() semaphore:release() end)
    assert.equal(1, semaphore:value())
  end)
end)

-- Processes that wait for the condition, in their order, when this returns.
local function start_waiting(condition, outcome)
  local here = parallel.Semaphore(0)
  local other = child.start(function()
    condition:acquire()
    here:release()
    outcome(condition:wait(SOON))
    condition:release()
  end)
  here:acquire()
  condition:with(function() end)
  return other
end

local function notified(ok) assert.is_true(ok) end

describe("a condition", function()
  for _, point in ipairs({"cond.wait.begin", "cond.wait.enlisted"}) do
    it("notifies no one killed at " .. point, function()
      local condition = parallel.Condition()
      killed_at(point, 1, function()
        condition:acquire()
        condition:wait()
      end)
      local other = start_waiting(condition, notified)
      condition:with(function() condition:notify() end)
      other:finish()
    end)
  end

  it("notifies no one killed while it waits", function()
    local condition = parallel.Condition()
    start_waiting(condition, notified):kill()
    local other = start_waiting(condition, notified)
    condition:with(function() condition:notify() end)
    other:finish()
  end)

  it("gives the notice of one killed before it came back to another", function()
    local condition = parallel.Condition()
    testing.fault("cond.wait.notified:killchild@1")
    local first = start_waiting(condition, notified)
    local second = start_waiting(condition, notified)
    condition:with(function() condition:notify() end)
    first:fall()
    second:finish()
    testing.fault(nil)
  end)

  for _, point in ipairs({"cond.wait.leave", "cond.wait.end"}) do
    it("goes on when one is killed at " .. point, function()
      local condition = parallel.Condition()
      testing.fault(point .. ":killchild@1")
      local first = start_waiting(condition, notified)
      condition:with(function() condition:notify() end)
      first:fall()
      testing.fault(nil)
      assert.same({true, "abandoned"}, {condition:acquire(SOON)})
      assert.same({nil, "timeout"}, {condition:wait(0)})
      condition:release()
    end)
  end

  for point, wakes in pairs({["cond.notify.begin"] = false, ["cond.notify.noted"] = true, ["cond.notify.end"] = true}) do
    it(("wakes %s when its notifier is killed at %s"):format(wakes and "who waits" or "nobody", point), function()
      local condition = parallel.Condition()
      local other = start_waiting(condition, function(ok, why)
        assert.same(wakes and {true, "abandoned"} or {true}, {ok, why})
      end)
      killed_at(point, 1, function()
        condition:acquire()
        condition:notify()
      end)
      if not wakes then
        assert.same({true, "abandoned"}, {condition:acquire(SOON)})
        condition:notify()
        condition:release()
      end
      other:finish()
    end)
  end
end)

describe("a barrier", function()
  local function broken_for(barrier)
    assert.same({nil, "broken"}, {barrier:wait(SOON)})
    assert.is_true(barrier.broken)
  end

  for _, point in ipairs({"barrier.arrive.end", "lock.release.begin", "lock.release.end"}) do
    it("breaks when one is killed that had come, at " .. point, function()
      local barrier = parallel.Barrier(3)
      killed_at(point, 1, function() barrier:wait() end)
      broken_for(barrier)
    end)
  end

  for _, point in ipairs({"barrier.pass.begin", "barrier.arrive.end"}) do
    it("breaks when the last to come is killed at " .. point, function()
      local barrier = parallel.Barrier(2)
      local other = child.start(function() broken_for(barrier) end)
      while barrier.n_waiting == 0 do core.poll({}, 0.001) end
      killed_at(point, 1, function() barrier:wait() end)
      other:finish()
    end)
  end

  it("breaks when only the dead are waiting for the last to come", function()
    local barrier = parallel.Barrier(2)
    killed_at("barrier.arrive.end", 1, function() barrier:wait() end)
    broken_for(barrier)
    barrier:reset()
    local other = child.start(function() assert.is_number(barrier:wait(SOON)) end)
    assert.is_number(barrier:wait(SOON))
    other:finish()
  end)

  it("breaks when the last to come is killed in its action", function()
    local barrier = parallel.Barrier(2, function() testing.kill(testing.getpid(), "KILL") end)
    local other = child.start(function() broken_for(barrier) end)
    while barrier.n_waiting == 0 do core.poll({}, 0.001) end
    child.start(function() barrier:wait() end):fall()
    other:finish()
  end)

  it("knows nothing of one killed before it came", function()
    local barrier = parallel.Barrier(2)
    killed_at("barrier.arrive.begin", 1, function() barrier:wait() end)
    local other = child.start(function() assert.is_number(barrier:wait(SOON)) end)
    assert.is_number(barrier:wait(SOON))
    other:finish()
  end)

  for _, point in ipairs({"barrier.pass.end", "barrier.leave.begin", "barrier.leave.end"}) do
    it("is passed, and serves on, when one is killed at " .. point, function()
      local barrier = parallel.Barrier(2)
      local other = child.start(function() assert.is_number(barrier:wait(SOON)) end)
      while barrier.n_waiting == 0 do core.poll({}, 0.001) end
      testing.fault(point .. ":killchild@1")
      local victim = child.start(function() barrier:wait(SOON) end)
      local ends = {[select(2, victim:wait())] = true, [select(2, other:wait())] = true}
      assert.same({[0] = true, [9] = true}, ends)
      testing.fault(nil)
      other = child.start(function() assert.is_number(barrier:wait(SOON)) end)
      assert.is_number(barrier:wait(SOON))
      other:finish()
    end)
  end

  it("begins a new round when the last to leave is killed before it could", function()
    local barrier = parallel.Barrier(1)
    killed_at("barrier.leave.end", 1, function() barrier:wait() end)
    assert.equal(1, barrier:wait(SOON))
  end)

  it("is broken for all when one is killed that breaks it", function()
    local barrier = parallel.Barrier(2)
    local other = child.start(function() broken_for(barrier) end)
    while barrier.n_waiting == 0 do core.poll({}, 0.001) end
    killed_at("barrier.broken", 1, function() barrier:abort() end)
    other:finish()
  end)
end)
