local parallel = require "parallel"
local trials = require "spec.support.trials"

local raised = trials.raised
local ADVICE = "define it before the pool is made, make it local so that it goes along, "
  .. "or set it in the initializer"

-- Luas tell it in words of their own; ours come after them.
local function check(problem, name)
  assert.match("attempt to [%a ]+'?.*global '" .. name .. "'.*; the worker has no global '" .. name
    .. "': " .. ADVICE .. "$", problem.message)
  assert.match("missing_spec.lua:%d+", problem.message)
  assert.match("missing_spec.lua:%d+", problem.traceback)
  assert.not_match("the worker has", problem.value)
end

local function with_global(name, value, f)
  rawset(_G, name, value)
  local ok, problem = pcall(f)
  rawset(_G, name, nil)
  if not ok then error(problem, 0) end
end

-- luacheck: globals late_helper no_such_global
describe("a global that is missing in a worker", function()
  local pool
  before_each(function() pool = parallel.Pool(1) end)
  after_each(function() pool:terminate() end)

  it("is named with what to do, when it was defined after the pool was made", function()
    with_global("late_helper", function() return 1 end, function()
      check(raised(pool.apply, pool, function() return late_helper() end), "late_helper")
    end)
  end)

  it("is so for every use that stumbles over it", function()
    check(raised(pool.apply, pool, function() return no_such_global.field end), "no_such_global")
    check(raised(pool.apply, pool, function() return no_such_global + 1 end), "no_such_global")
    check(raised(pool.apply, pool, function() return no_such_global .. "" end), "no_such_global")
  end)

  it("is so in every way of calling", function()
    local function f() return no_such_global() end
    check(raised(pool.map, pool, f, {1}), "no_such_global")
    check(raised(function() for _ in pool:imap(f, {1}) do error("unreached") end end), "no_such_global")
    assert.match(ADVICE, raised(pool.broadcast, pool, f).message)
  end)

  it("is looked for in vain before a pool whose workers are no forks", function()
    pool:close()
    pool = parallel.Pool({workers = 1, start_method = "spawn"})
    local message = raised(pool.apply, pool, function() return no_such_global() end).message
    assert.match("'no_such_global': make it local so that it goes along, or set it in the initializer$", message)
  end)

  it("can be set in the initializer", function()
    pool:close()
    pool = parallel.Pool({workers = 1, initializer = function()
      rawset(_G, "late_helper", function() return 7 end)
    end})
    assert.equal(7, pool:apply(function() return late_helper() end))
  end)
end)

describe("other errors in a worker", function()
  it("get no such advice", function()
    parallel.with(parallel.Pool(1), function(pool)
      local captured = nil
      for _, f in ipairs({
        function() return captured.field end,
        function() error("attempt to call a nil value (global 'x') was all he said", 0) end,
        function() local t = {} return t.x.y end,
      }) do
        assert.not_match("the worker has no", raised(pool.apply, pool, f).message)
      end
    end)
  end)

  it("get none where there is no worker", function()
    parallel.with(parallel.Pool(0), function(pool)
      local problem = raised(pool.apply, pool, function() return no_such_global() end)
      assert.not_match("the worker has no", problem.message)
    end)
  end)
end)
