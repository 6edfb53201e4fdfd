-- What stops tasks from outside: limits on their time, and cancelling.
local parallel = require "parallel"
local testing = require("parallel.core").testing
local trials = require "spec.support.trials"

local raised, count_to = trials.raised, trials.count_to

local jit = rawget(_G, "jit")
local AMPLE = 0.5 -- seconds, where others must not reach the limit though they have to wait for a processor
local pool

local function forever() while true do end end

local function forever_in_pcalls()
  while true do pcall(forever) end
end

local function caught() return pcall(forever) end

local function in_a_pattern() return (("a"):rep(40)):find(("a*"):rep(20) .. "b") end

local function in_a_coroutine() return coroutine.wrap(forever)() end

local function asleep() os.execute("sleep 1000") end

local function stopped() testing.kill(testing.getpid(), "STOP") end

local function double(x) return 2 * x end

local function run_forever_at(n)
  return function(x)
    if x == n then forever() end
    return x
  end
end

local function settle_once_each(results, n, except)
  for i = 1, n do
    if i ~= except then assert.equal(i, results[i]) end
  end
end

describe("a task's timeout", function()
  after_each(function()
    pool:terminate()
    testing.fault(nil)
  end)

  for name, f in pairs({
    ["an endless loop"] = forever, ["a loop of pcalls"] = forever_in_pcalls,
    ["a pcall in a tail call"] = caught, ["a pathological pattern"] = in_a_pattern,
    ["a coroutine's loop"] = in_a_coroutine, ["a command"] = asleep, ["a stopped process"] = stopped,
  }) do
    it("ends " .. name, function()
      pool = parallel.Pool({workers = 1, timeout = 0.05})
      local failed = raised(pool.apply, pool, f)
      assert.is_true(parallel.is_failure(failed, "timeout"))
      assert.match("^task 1 timed out after 0.05 s in worker 1", tostring(failed))
      assert.equal(4, pool:apply(double, 2))
    end)
  end

  if not jit then
    it("tells where the task was", function()
      pool = parallel.Pool({workers = 1, timeout = 0.05})
      local failed = raised(pool.apply, pool, forever_in_pcalls)
      assert.match("in worker 1, at spec/lua/pool/timeout_spec.lua:%d+$", tostring(failed))
      assert.match("\n\tspec/lua/pool/timeout_spec.lua:%d+: in ", failed.traceback)
    end)

    it("leaves the worker alive when its code obeys", function()
      pool = parallel.Pool({workers = 1, timeout = 0.05})
      local pid = pool:apply(testing.getpid)
      raised(pool.apply, pool, forever)
      assert.equal(pid, pool:apply(testing.getpid))
    end)
  end

  it("is for each item of a chunk, and charges no other", function()
    pool = parallel.Pool(2)
    local results = pool:map(run_forever_at(7), count_to(20),
      {chunksize = 10, timeout = AMPLE, on_error = "collect"})
    assert.equal("timeout", results[7].kind)
    settle_once_each(results, 20, 7)
  end)

  it("counts from the start of the item, not of the chunk", function()
    pool = parallel.Pool(1)
    local results = pool:map(function(x)
      local clock = require("parallel.core").clock
      local till = clock() + 0.1
      while clock() < till do end
      return x
    end, count_to(6), {chunksize = 6, timeout = AMPLE})
    settle_once_each(results, 6)
  end)

  it("may be given with one task", function()
    pool = parallel.Pool(1)
    local result = pool:apply_async(forever, {}, {timeout = 0.05, label = "cats"})
    assert.equal("timeout", raised(result.get, result).kind)
  end)

  it("is for what every worker does too", function()
    pool = parallel.Pool({workers = 2, timeout = 0.05})
    for _, f in ipairs({forever, asleep}) do
      local failed = raised(pool.broadcast, pool, f)
      assert.equal("timeout", failed.kind)
      assert.match("^timed out after 0.05 s in worker 1", tostring(failed))
    end
    assert.equal("timeout", raised(pool.execute, pool, "while true do end").kind)
  end)

  it("runs the task again as often as it is allowed to", function()
    pool = parallel.Pool({workers = 1, retries = 2})
    local failed = raised(pool.map, pool, forever, {1}, {timeout = 0.02})
    assert.equal("timeout", failed.kind)
    assert.equal(3, failed.attempts)
  end)

  it("is no limit when it is huge", function()
    pool = parallel.Pool({workers = 1, timeout = math.huge})
    assert.equal(2, pool:apply(double, 1))
    assert.equal(2, pool:map(double, {1}, {timeout = 1e300})[1])
  end)

  it("must be a positive number", function()
    pool = parallel.Pool(1)
    for _, bad in ipairs({0, -1, 0 / 0, "1"}) do
      assert.match("^spec/lua/pool/timeout_spec.lua:%d+: bad argument #4 to 'map' %(timeout must be a positive",
        raised(function() pool:map(double, {}, {timeout = bad}) end))
    end
    assert.match("timeout must be a positive number of seconds, got 0",
      raised(parallel.Pool, {workers = 1, timeout = 0}))
  end)
end)

describe("result:cancel", function()
  after_each(function() pool:terminate() end)

  local function cancelled(result)
    local failed = raised(result.get, result)
    assert.is_true(parallel.is_failure(failed, "cancelled"), tostring(failed))
    return failed
  end

  for _, workers in ipairs({1, 0}) do
    it(("drops what is queued, with %d workers"):format(workers), function()
      pool = parallel.Pool(workers)
      local file = os.getenv("TMPDIR") .. "/ran"
      local function leave_a_mark(x)
        if x > 1 then io.open(file, "w"):close() end
        return x
      end
      local results = {}
      for i = 1, 6 do results[i] = pool:submit(leave_a_mark, i == 1 and 1 or 0) end
      for i = 2, 5 do assert.is_true(results[i]:cancel() or results[i]:ready()) end
      assert.equal(1, results[1]:get())
      assert.equal(0, results[6]:get())
      assert.is_nil(io.open(file))
    end)
  end

  it("never begins what waits behind a running task", function()
    pool = parallel.Pool(1)
    local first = pool:submit(forever)
    local file = os.getenv("TMPDIR") .. "/ran"
    local rest = {}
    for i = 1, 4 do rest[i] = pool:submit(function() io.open(file, "w"):close() end) end
    for i = 1, 4 do
      assert.is_true(rest[i]:cancel())
      assert.match("^task %d was cancelled$", tostring(cancelled(rest[i])))
    end
    assert.is_true(first:cancel())
    cancelled(first)
    assert.equal(4, pool:apply(double, 2))
    assert.is_nil(io.open(file))
  end)

  for name, f in pairs({["a loop"] = forever, ["pcalls"] = forever_in_pcalls, ["C code"] = in_a_pattern}) do
    it("stops a running task in " .. name, function()
      pool = parallel.Pool(1)
      local file = os.getenv("TMPDIR") .. "/begun"
      local result = pool:submit(function()
        io.open(file, "w"):close()
        f()
      end)
      while not os.rename(file, file) do pool:work() end
      os.remove(file)
      assert.is_true(result:cancel())
      assert.match("^task 1 was cancelled in worker 1", tostring(cancelled(result)))
      assert.equal(4, pool:apply(double, 2))
    end)
  end

  it("is false when the task has ended", function()
    pool = parallel.Pool(1)
    local result = pool:submit(double, 2)
    assert.equal(4, result:get())
    assert.is_false(result:cancel())
    assert.equal(4, result:get())
  end)

  it("may be called twice", function()
    pool = parallel.Pool(1)
    local result = pool:submit(forever)
    assert.is_true(result:cancel())
    cancelled(result)
    assert.is_false(result:cancel())
  end)

  it("stops a whole map", function()
    pool = parallel.Pool(2)
    local result = pool:map_async(forever, count_to(100), {chunksize = 10})
    assert.is_true(result:cancel())
    cancelled(result)
    assert.equal(4, pool:apply(double, 2))
  end)

  it("has stopped a map when its callback is told", function()
    pool = parallel.Pool(1)
    local begun, answer = parallel.Event(), nil
    local result = pool:map_async(function()
      begun:set()
      forever()
    end, {1}, {error_callback = function() answer = pool:submit(double, 2):get(10) end})
    begun:wait()
    assert.is_true(result:cancel())
    assert.equal(4, answer)
    begun:close()
  end)

  local function mark(x) io.open(os.getenv("TMPDIR") .. "/begun" .. x, "w"):close() end

  local function take_mark(x)
    local file = os.getenv("TMPDIR") .. "/begun" .. x
    return os.remove(file)
  end

  local function until_marked(x)
    while not take_mark(x) do pool:work(0.01) end
  end

  it("of a map may come from its own input, and what that gives then is not begun", function()
    pool = parallel.Pool(1)
    local i, result = 0, nil
    result = pool:map_async(mark, function()
      i = i + 1
      if i == 2 then result:cancel() end
      return i
    end, {window = 1})
    cancelled(result)
    assert.equal(4, pool:apply(double, 2))
    assert.is_true(take_mark(1))
    assert.is_nil(take_mark(2))
  end)

  for name, f in pairs({["a loop"] = forever, ["a system call"] = asleep}) do
    it("stops a whole map whose items run in " .. name, function()
      pool = parallel.Pool(2)
      local result = pool:map_async(function(x)
        mark(x)
        f()
      end, count_to(100), {chunksize = 10})
      until_marked(1)
      until_marked(11)
      assert.is_true(result:cancel())
      cancelled(result)
      assert.equal(4, pool:apply(double, 2))
      for i = 1, 100 do assert.is_nil(take_mark(i)) end
    end)
  end

  for name, last in pairs({ends = double, dies = function() testing.kill(testing.getpid(), "KILL") end}) do
    it("begins none of many that wait in the chunk of one that " .. name, function()
      pool = parallel.Pool(1)
      local gate = parallel.Event()
      local function f(x)
        if x == 0 then
          mark(0)
          gate:wait()
          return last(2)
        elseif x > 0 then
          mark(x)
        end
        return x
      end
      pool:submit(f, -1):wait()
      for _ = 1, 20 do -- they are so short that many make a chunk
        local quick = {}
        for i = 1, 100 do quick[i] = pool:submit(f, -i) end
        for i = 1, 100 do quick[i]:wait() end
      end
      for i = 1, 4 do pool:submit(f, -i) end
      local first, rest = pool:submit(f, 0), {}
      for i = 1, 40 do rest[i] = pool:submit(f, i) end
      until_marked(0)
      for i = 1, 40 do
        if i % 10 ~= 0 then assert.is_true(rest[i]:cancel()) end
      end
      gate:set()
      first:wait()
      for i = 1, 40 do
        if i % 10 == 0 then assert.equal(i, rest[i]:get()) else cancelled(rest[i]) end
        assert.equal(i % 10 == 0 or nil, take_mark(i))
      end
      gate:close()
    end)
  end
end)
