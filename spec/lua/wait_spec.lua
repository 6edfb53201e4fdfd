local parallel = require "parallel"
local testing = require("parallel.core").testing

local pool

local function double(x) return 2 * x end

local function forever() while true do end end

describe("wait", function()
  after_each(function()
    pool:terminate()
  end)

  for _, workers in ipairs({2, 0}) do
    it(("gives the results that are ready, with %d workers"):format(workers), function()
      pool = parallel.Pool(workers)
      local left, values = {}, {}
      for i = 1, 10 do left[i] = pool:submit(double, i) end
      while #left > 0 do
        local ready = parallel.wait(left)
        assert.is_true(#ready > 0)
        for _, result in ipairs(ready) do
          values[result.index] = result:get()
          for i, other in ipairs(left) do
            if other == result then table.remove(left, i) break end
          end
        end
      end
      for i = 1, 10 do assert.equal(2 * i, values[i]) end
    end)
  end

  it("gives nothing when the time runs out", function()
    pool = parallel.Pool(1)
    local result = pool:submit(forever)
    assert.same({}, parallel.wait({result}, 0))
    assert.same({}, parallel.wait({result}, 0.02))
    assert.same({}, parallel.wait({}))
  end)

  it("watches over limits meanwhile", function()
    pool = parallel.Pool({workers = 1, timeout = 0.03})
    local result = pool:submit(forever)
    assert.equal(result, parallel.wait({result})[1])
  end)

  it("waits for results of several pools", function()
    pool = parallel.Pool(1)
    local other = parallel.Pool(1)
    local slow, quick = pool:submit(forever), other:submit(double, 1)
    assert.same({quick}, parallel.wait({slow, quick}))
    other:close()
  end)

  it("waits for descriptors too", function()
    pool = parallel.Pool(1)
    local result, quick = pool:submit(forever), parallel.Pool(1)
    quick:apply(double, 1)
    assert.same({}, parallel.wait({quick:pollfd()}, 0))
    quick:submit(double, 1)
    assert.same({quick:pollfd()}, parallel.wait({result, quick:pollfd()}))
    quick:close()
  end)

  it("refuses what cannot be waited for", function()
    pool = parallel.Pool(0)
    assert.error_matches(function() parallel.wait({"x"}) end, "objects%[1%] cannot be waited for")
    assert.error_matches(function() parallel.wait({1.5}) end, "objects%[1%] cannot be waited for")
    assert.error_matches(function() parallel.wait() end, "bad argument #1 to 'wait'")
    assert.error_matches(function() parallel.wait({}, "x") end, "bad argument #2 to 'wait'")
    assert.error_matches(function() parallel.as_completed({5}) end, "results%[1%] is no result")
    local result = pool:submit(double, 1)
    assert.error_matches(function() result:get("x") end, "bad argument #1 to 'get'")
  end)
end)

describe("an event loop of one's own", function()
  after_each(function() pool:close() end)

  for _, workers in ipairs({2, 0}) do
    it(("needs descriptor, timeout and step, with %d workers"):format(workers), function()
      pool = parallel.Pool(workers)
      local sum = 0
      for i = 1, 20 do
        pool:apply_async(double, {i}, {callback = function(x) sum = sum + x end})
      end
      assert.equal("r", pool:events())
      while sum < 420 do
        require("parallel.core").poll({pool:pollfd()}, pool:timeout())
        pool:step()
      end
      assert.equal(420, sum)
    end)
  end
end)

describe("pool:resize", function()
  after_each(function() pool:close() end)

  local function pids() return pool:broadcast(testing.getpid) end

  it("adds workers, which know what the others know", function()
    pool = parallel.Pool(1)
    local k = 3
    local function times(x) return x * k end
    assert.equal(6, pool:apply(times, 2))
    pool:resize(4)
    assert.equal(4, pool.workers)
    assert.equal(4, #pids())
    for i = 1, 20 do assert.equal(3 * i, pool:apply(times, i)) end
  end)

  it("lets those that are too many end what they hold", function()
    pool = parallel.Pool(4)
    local results = {}
    for i = 1, 100 do results[i] = pool:submit(double, i) end
    pool:resize(1)
    for i = 1, 100 do assert.equal(2 * i, results[i]:get()) end
    assert.equal(1, #pids())
    pool:resize(3)
    assert.equal(3, #pids())
    assert.equal(0, pool:stats().deaths)
  end)

  it("tells workers that come back what the others were told", function()
    for _ = 1, 10 do
      pool = parallel.Pool(4)
      pool:submit(double, 1)
      pool:resize(1)
      assert.equal(1, #pids())
      pool:resize(3)
      assert.equal(3, #pids())
      pool:close()
    end
  end)

  it("loses nothing when one of those is killed", function()
    pool = parallel.Pool({workers = 3, retries = 1})
    local results = {}
    for i = 1, 6 do
      results[i] = pool:submit(function(x)
        local path = os.getenv("TMPDIR") .. "/" .. x
        if os.rename(path, path) then return os.remove(path) and x end
        io.open(path, "w"):close()
        testing.kill(testing.getpid(), "KILL")
      end, i)
    end
    pool:resize(1)
    for i = 1, 6 do assert.equal(i, results[i]:get()) end
  end)

  it("refuses what is no number of workers", function()
    pool = parallel.Pool(1)
    for _, bad in ipairs({0, -1, 1.5, "2"}) do assert.has_error(function() pool:resize(bad) end) end
  end)
end)

describe("pool:stats", function()
  after_each(function() pool:close() end)

  it("tells what became of the items, and of each worker", function()
    pool = parallel.Pool({workers = 2, retries = 1, retry_errors = true})
    pool:map(function(x) return x % 5 == 0 and error("five") or x end, {1, 2, 3, 4, 5, 6, 7},
      {on_error = "collect", chunksize = 2})
    local pids = pool:broadcast(testing.getpid)
    local stats = pool:stats()
    assert.equal(7, stats.done)
    assert.equal(1, stats.failed)
    assert.equal(1, stats.retried)
    assert.equal(0, stats.queued)
    assert.equal(0, stats.busy)
    assert.equal(2, stats.workers)
    assert.is_true(stats.bytes_sent > 0 and stats.bytes_received > 0)
    assert.equal(8, stats[1].tasks + stats[2].tasks)
    for i = 1, 2 do
      assert.equal(pids[i], stats[i].pid)
      assert.is_true(stats[i].busy_seconds >= 0)
    end
    assert.is_true(pool:stats()[1].memory > 1000)
  end)
end)
