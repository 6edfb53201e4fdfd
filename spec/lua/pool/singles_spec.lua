local parallel = require "parallel"
local testing = require("parallel.core").testing
local trials = require "spec.support.trials"

local raised = trials.raised

local pool

local function double(x) return 2 * x end

local function negate(x) return -x end

-- One worker that is busy until told, so that all that is submitted waits.
local function open_blocked()
  pool = parallel.Pool(1)
  local path = os.getenv("TMPDIR") .. "/go"
  for _ = 1, 2 do
    pool:submit(function()
      repeat local file = io.open(path) until file and file:close()
    end)
  end
  return function()
    io.open(path, "w"):close()
    pool:submit(double, 1):get()
    os.remove(path)
  end
end

describe("tasks submitted one by one", function()
  after_each(function()
    testing.fault(nil)
    if pool then pool:terminate() end
    pool = nil
  end)

  it("keep their results apart when functions alternate", function()
    pool = parallel.Pool(2)
    local results = {}
    for i = 1, 200 do results[i] = pool:submit(i % 3 == 0 and negate or double, i) end
    for i = 200, 1, -1 do assert.equal(i % 3 == 0 and -i or 2 * i, results[i]:get()) end
  end)

  it("start in the order in which they came, with one worker", function()
    pool = parallel.Pool({workers = 1, initializer = function() _G.seen = {} end})
    local function note(x) table.insert(_G.seen, x) end
    local function note_negated(x) table.insert(_G.seen, -x) end
    for i = 1, 60 do pool:submit(i % 7 == 0 and note_negated or note, i) end
    local seen = pool:apply(function() return _G.seen end)
    for i = 1, 60 do assert.equal(i % 7 == 0 and -i or i, seen[i]) end
  end)

  -- What comes next goes in chunks of many.
  local function run_many_quick()
    for _ = 1, 20 do
      local quick = {}
      for i = 1, 100 do quick[i] = pool:submit(double, i) end
      for i = 1, 100 do quick[i]:wait() end
    end
  end

  for name, after in pairs({
    ["waited for"] = function(result) return raised(result.get, result, 10).kind end,
    ["cancelled"] = function(result) return result:cancel() and raised(result.get, result).kind end,
  }) do
    it(("can be %s by one before them in a chunk whose worker they ended"):format(name), function()
      pool = parallel.Pool({workers = 1, retries = name == "cancelled" and 5 or 0})
      run_many_quick()
      local results, seen = {}, nil
      local function f(i)
        if i == 20 then testing.kill(testing.getpid(), "KILL") end
        return i
      end
      for i = 1, 60 do
        results[i] = pool:apply_async(f, {i}, {callback = i == 19 and function()
          seen = after(results[20])
        end or nil})
      end
      for i = 1, 60 do
        if i ~= 20 then assert.equal(i, results[i]:get()) end
      end
      assert.equal(name == "cancelled" and "cancelled" or "died", seen)
    end)
  end

  it("are interrupted, though one before them in the chunk is cancelled then too", function()
    pool = parallel.Pool(1)
    run_many_quick()
    local begun = parallel.Event()
    local function f(i)
      local jit = rawget(_G, "jit")
      if jit then jit.off() end -- no hook reaches what is compiled
      if i == 20 then begun:set() end
      while i == 20 do end -- luacheck: ignore 542
      return i
    end
    local results = {}
    for i = 1, 60 do results[i] = pool:submit(f, i) end
    begun:wait()
    local pid = pool:stats()[1].pid
    testing.kill(pid, "STOP") -- it looks at both orders
    results[20]:cancel()
    results[19]:cancel()
    testing.kill(pid, "CONT")
    assert.match("^task %d+ was cancelled in worker 1, at spec/lua/pool/singles_spec.lua:",
      tostring(raised(results[20].get, results[20])))
    begun:close()
  end)

  it("are cancelled, though they fail by themselves meanwhile", function()
    testing.fault("item.reported:delay100@1")
    pool = parallel.Pool({workers = 1, output = "ordered"})
    local result = pool:submit(function()
      io.stderr:write(" ")
      return coroutine.create(print)
    end)
    while testing.fault_acted() == 0 do pool:work(0) end
    assert.is_true(result:cancel())
    assert.equal("cancelled", raised(result.get, result).kind)
  end)

  it("can be withdrawn from any place, and the others run", function()
    local go = open_blocked()
    local results = {}
    for i = 1, 40 do results[i] = pool:submit(i % 10 == 0 and negate or double, i) end
    for _, i in ipairs({1, 2, 10, 15, 16, 20, 39, 40}) do assert.is_true(results[i]:cancel()) end
    assert.equal(32, pool.singles:count())
    go()
    for i = 1, 40 do
      if results[i].gave_up then
        assert.equal("cancelled", raised(results[i].get, results[i]).kind)
        assert.equal(i + 2, results[i].index)
      else
        assert.equal(i % 10 == 0 and -i or 2 * i, results[i]:get())
      end
    end
  end)

  it("tell their worker and how long it took since they were asked for", function()
    pool = parallel.Pool(1)
    local plain = pool:submit(double, 1)
    local attended = pool:apply_async(double, {1}, {callback = function() end})
    local failed = pool:submit(error, "x")
    failed:wait()
    for _, result in ipairs({plain, attended, failed}) do
      assert.equal(1, result.worker)
      assert.is_true(result.elapsed > 0)
    end
  end)

  it("take many and large arguments beside small ones", function()
    pool = parallel.Pool(2)
    local function count(...) return select("#", ...), select(-1, ...) end
    local long, results = ("x"):rep(100000), {}
    for i = 1, 30 do
      results[i] = i % 3 == 0 and pool:submit(count, long) or i % 3 == 1 and pool:submit(count, {i}, i)
        or pool:submit(count, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, i)
    end
    for i = 1, 30 do
      local n, last = results[i]:get()
      assert.equal(i % 3 == 0 and 1 or i % 3 == 1 and 2 or 16, n)
      assert.equal(i % 3 == 0 and long or i, last)
    end
  end)

  it("are settled once each when their workers die again and again", function()
    testing.fault("item.done:kill@7,item.begin:kill@11,item.committed:kill@13")
    pool = parallel.Pool({workers = 2, retries = 3})
    local results, calls = {}, 0
    for i = 1, 300 do
      results[i] = i % 5 == 0 and pool:apply_async(double, {i}, {callback = function() calls = calls + 1 end})
        or pool:submit(double, i)
    end
    for i = 1, 300 do assert.equal(2 * i, results[i]:get()) end
    assert.equal(60, calls)
    assert.equal(0, pool.singles.roll.open())
  end)

  it("let go of functions that were replaced, withdrawn tasks or not", function()
    local go = open_blocked()
    local k = 0
    local function f() return k end
    local results = {}
    for i = 1, 20 do
      k = i
      results[i] = pool:submit(f)
      if i % 2 == 0 then results[i]:cancel() end
    end
    go()
    for i = 1, 20, 2 do assert.equal(i, results[i]:get()) end
    local versions = {}
    for _, version in pairs(pool.crew.functions.versions) do
      assert.equal(0, version.users)
      versions[#versions + 1] = version.replaced
    end
    assert.same({}, versions)
  end)
end)
