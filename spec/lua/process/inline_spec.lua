-- Limits on the time of tasks that run in the process that asks for them.
local parallel = require "parallel"
local trials = require "spec.support.trials"

local raised, count_to = trials.raised, trials.count_to

local pool

local function forever() while true do end end

local function forever_in_pcalls()
  while true do pcall(forever) end
end

local function caught()
  pcall(forever)
  return "caught"
end

local function in_a_coroutine() return coroutine.wrap(forever)() end

local function too_late()
  os.execute("sleep 0.03")
  return "done all the same"
end

local function double(x) return 2 * x end

local function open(options)
  options.workers = 0
  pool = parallel.Pool(options)
end

local function timed_out(f, ...)
  local failed = raised(f, ...)
  assert.is_true(parallel.is_failure(failed, "timeout"), tostring(failed))
  return failed
end

describe("a task's timeout without workers", function()
  after_each(function()
    debug.sethook()
    pool:terminate()
  end)

  for name, f in pairs({
    ["an endless loop"] = forever, ["a loop of pcalls"] = forever_in_pcalls, ["what a pcall caught"] = caught,
    ["a coroutine's loop"] = in_a_coroutine, ["what C code kept too long"] = too_late,
  }) do
    it("ends " .. name, function()
      open({timeout = 0.01})
      local failed = timed_out(pool.apply, pool, f)
      assert.match("^task 1 timed out after 0.01 s in worker 1", tostring(failed))
      assert.equal(4, pool:apply(double, 2))
      assert.is_nil(debug.gethook())
    end)
  end

  it("tells where the task was", function()
    open({timeout = 0.01})
    local failed = timed_out(pool.apply, pool, forever_in_pcalls)
    assert.match("in worker 1, at spec/lua/process/inline_spec.lua:%d+$", tostring(failed))
    assert.match("\n\tspec/lua/process/inline_spec.lua:%d+: in ", failed.traceback)
  end)

  it("is for each item, and charges no other", function()
    open({})
    local results = pool:map(function(x)
      if x == 3 then forever() end
      return x
    end, count_to(6), {chunksize = 6, timeout = 0.01, on_error = "collect"})
    assert.equal("timeout", results[3].kind)
    results[3] = 3
    for i = 1, 6 do assert.equal(i, results[i]) end
  end)

  it("may be given with one task", function()
    open({})
    local result = pool:apply_async(forever, {}, {timeout = 0.01})
    timed_out(result.get, result)
    assert.equal(4, pool:apply(double, 2))
  end)

  it("runs the task again as often as it is allowed to", function()
    open({retries = 2})
    assert.equal(3, timed_out(pool.map, pool, forever, {1}, {timeout = 0.01}).attempts)
  end)

  it("is no limit when it is huge", function()
    open({timeout = 1e300})
    assert.equal(2, pool:apply(double, 1))
  end)

  it("leaves a hook of the user's alone, and is seen at the task's end", function()
    open({timeout = 0.01})
    local function hook() end
    debug.sethook(hook, "", 1000000)
    local failed = timed_out(pool.apply, pool, too_late)
    assert.equal(hook, (debug.gethook()))
    assert.not_match(" at ", tostring(failed))
  end)

  it("ends in a coroutine what runs there", function()
    open({timeout = 0.01})
    coroutine.wrap(function() timed_out(pool.apply, pool, forever) end)()
    assert.equal(4, pool:apply(double, 2))
  end)

  it("holds for coroutines that outlive the task as long as that", function()
    open({timeout = 0.01})
    local went_on
    _G.keep = function(f) went_on = f end
    pool:apply(function()
      _G.keep(coroutine.wrap(function()
        coroutine.yield()
        for _ = 1, 10000 do end
        return "went on"
      end))
    end)
    _G.keep = nil
    went_on()
    assert.equal("went on", went_on())
  end)

  describe("with one pool inside another", function()
    it("ends the inner task alone when that is late", function()
      open({timeout = 60})
      assert.equal("timeout", pool:apply(function(f)
        local inner = require("parallel").Pool({workers = 0, timeout = 0.01})
        local _, failed = pcall(inner.apply, inner, f)
        for _ = 1, 10000 do end
        inner:close()
        return failed.kind
      end, forever))
    end)

    it("ends the outer task, whatever the inner one may take", function()
      for _, inner_timeout in ipairs({0, 60}) do
        open({timeout = 0.01})
        timed_out(pool.apply, pool, function(f, timeout)
          local inner = require("parallel").Pool({workers = 0, timeout = timeout > 0 and timeout or nil})
          while true do pcall(inner.apply, inner, f) end
        end, forever, inner_timeout)
        assert.equal(4, pool:apply(double, 2))
        assert.is_nil(debug.gethook())
      end
    end)

    it("leaves the pool whole that both tasks are of", function()
      for _ = 1, 20 do -- wherever in the pool's code it comes, also in what that calls
        open({timeout = 0.01})
        _G.same_pool = pool
        timed_out(pool.apply, pool, function(f)
          while true do pcall(_G.same_pool.map, _G.same_pool, f, {1, 2, 3}) end
        end, double)
        _G.same_pool = nil
        assert.same({2, 4, 6, n = 3}, pool:map(double, {1, 2, 3}, {timeout = 60}))
        assert.equal(0, pool:stats().queued)
      end
    end)

    it("is heard inside of a worker's task", function()
      pool = parallel.Pool({workers = 1, timeout = 0.05})
      local failed = timed_out(pool.apply, pool, function(f)
        local inner = require("parallel").Pool({workers = 0, timeout = 60})
        inner:apply(f)
      end, forever)
      assert.match("^task 1 timed out after 0.05 s in worker 1", tostring(failed))
      assert.equal(4, pool:apply(double, 2))
    end)
  end)
end)
