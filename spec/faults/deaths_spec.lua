-- What ends a worker, and that it costs the task that ran, and no other.
local parallel = require "parallel"
local pools = require "spec.support.pools"
local testing = require("parallel.core").testing
local trials = require "spec.support.trials"

local raised, count_to = trials.raised, trials.count_to

-- Item 20 of 40 does this to its worker: what became of it, after checking that
-- the others have their results and that the pool goes on.
local function harm_one(harm, ...)
  local pool, arguments = pools.open({workers = 2, output = "discard"}), {...} -- one prints junk
  local unpack = table.unpack or unpack
  local results = pool:map(function(i)
    if i == 20 then harm(unpack(arguments)) end
    return i
  end, count_to(40), {on_error = "collect"})
  for i = 1, 40 do
    if i ~= 20 then assert.equal(i, results[i]) end
  end
  assert.equal(7, pool:apply(math.max, 7))
  return results[20]
end

local function lose_one(harm, ...)
  local failure = harm_one(harm, ...)
  assert.is_true(parallel.is_failure(failure, "died"), "it did not cost the task")
  return failure
end

describe("a task that ends its worker", function()
  after_each(pools.close)

  for crash, signal in pairs({
    ["bad pointer"] = "SIGSEGV", ["stack overflow"] = "SIGSEGV", ["abort"] = "SIGABRT",
    ["SIGFPE"] = "SIGFPE", ["SIGBUS"] = "SIGBUS", ["SIGILL"] = "SIGILL", ["SIGSYS"] = "SIGSYS",
  }) do
    it(("by %s fails with %s"):format(crash, signal), function()
      local failure = lose_one(testing.crash, crash)
      assert.equal(signal, failure.signal)
      assert.match("was killed by " .. signal .. " while running task 20$", tostring(failure))
    end)
  end

  for name, exit in pairs({
    ["os.exit"] = function() os.exit(3) end,
    ["os.exit with its state closed"] = function() os.exit(3, true) end,
    ["exit of C"] = function() testing.crash("exit") end,
    ["_exit of C"] = function() testing.crash("_exit") end,
  }) do
    it(("by %s fails with its status"):format(name), function()
      local failure = lose_one(exit)
      assert.equal(3, failure.exitcode)
    end)
  end

  it("by os.exit(0) has no result either", function()
    local failure = lose_one(os.exit, 0)
    assert.equal(0, failure.exitcode)
  end)

  -- What the worker has finished does not depend on its channel.
  for what, crash in pairs({["writing to"] = "scribble", ["closing"] = "close descriptors"}) do
    it("by " .. what .. " descriptors that are not its own fails, or keeps its result", function()
      local outcome = harm_one(testing.crash, crash)
      assert.is_true(outcome == 20 or parallel.is_failure(outcome, "died"))
    end)
  end
end)

describe("a recursion that is too deep in Lua", function()
  after_each(pools.close)

  it("is an error, and the worker lives", function()
    local pool = pools.open(1)
    local pid = pool:apply(testing.getpid)
    -- Each argument more fills the stack sooner: tracing many calls takes Lua a second.
    local function forever(...) return 1 + forever(1, ...), ... end
    assert.match("stack overflow", tostring(raised(pool.apply, pool, forever)))
    assert.equal(pid, pool:apply(testing.getpid))
  end)
end)

describe("a worker that is killed while it waits for work", function()
  after_each(pools.close)

  it("is replaced, and nobody hears of it", function()
    local pool = pools.open(2)
    local before = pool:broadcast(testing.getpid)
    testing.kill(before[1], "KILL")
    local after = pool:broadcast(testing.getpid)
    assert.not_equal(before[1], after[1])
    assert.equal(before[2], after[2])
  end)
end)

describe("a stopped worker", function()
  after_each(pools.close)

  it("does not keep terminate from ending it", function()
    local pool = pools.open(2)
    local path = os.getenv("TMPDIR") .. "/stopping"
    local result = pool:submit(function()
      io.open(path, "w"):close()
      testing.kill(testing.getpid(), "STOP")
    end)
    while not os.remove(path) do pool:step() end
    pool:terminate()
    assert.equal("cancelled", raised(result.get, result).kind)
  end)
end)

describe("what a task has started", function()
  after_each(pools.close)

  it("does not outlive the pool, though it holds all that the worker had open", function()
    local pool = pools.open(1)
    assert.equal(1, pool:apply(function()
      os.execute("sleep 1000 &")
      return 1
    end))
    pool:close() -- the harness fails this test when the program lives on
  end)

  it("does not hide the death of its worker", function()
    local pool = pools.open(1)
    local failure = raised(pool.apply, pool, function()
      os.execute("sleep 1000 &")
      testing.crash("_exit")
    end)
    assert.equal(3, failure.exitcode)
  end)
end)

describe("a pool in a worker of a pool in a worker", function()
  after_each(pools.close)

  local function nested(depth, f)
    if depth == 0 then return f() end
    local inner = require("parallel").Pool(1)
    local value = inner:apply(nested, depth - 1, f)
    inner:close()
    return value
  end

  it("works", function()
    assert.equal(3, pools.open(1):apply(nested, 2, function() return 3 end))
  end)

  it("ends when the worker in the middle is killed", function()
    local pool = pools.open(1)
    local failure = raised(pool.apply, pool, function()
      local inner = require("parallel").Pool(2)
      inner:broadcast(print)
      testing.kill(testing.getpid(), "KILL")
    end)
    assert.equal("SIGKILL", failure.signal) -- and the harness finds no grandchild
  end)
end)
