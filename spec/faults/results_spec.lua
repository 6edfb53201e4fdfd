-- Errors and results of odd kinds: each comes to the one who asked, and the worker lives.
local core = require "parallel.core"
local kept = require "spec.support.kept"
local parallel = require "parallel"
local pools = require "spec.support.pools"
local testing = core.testing
local trials = require "spec.support.trials"
local watchdog = require "spec.support.watchdog"

local raised = trials.raised

-- What f raises in a worker, which then goes on to live.
local function failure_of(f, options)
  local pool = pools.open(options or 1)
  local pid = pool:apply(testing.getpid)
  local failure = raised(pool.apply, pool, f)
  assert.equal(pid, pool:apply(testing.getpid))
  return failure
end

describe("an error value", function()
  after_each(pools.close)

  it("may be nil", function()
    local failure = failure_of(function() error(nil) end)
    assert.equal("error", failure.kind)
    assert.is_nil(failure.value)
    assert.match("nil", tostring(failure))
  end)

  it("may be missing", function()
    assert.equal("error", failure_of(function() error() end).kind)
  end)

  it("comes as it is when it can be sent", function()
    assert.same({code = {7}}, failure_of(function() error({code = {7}}) end).value)
  end)

  it("that cannot be sent is told as text", function()
    local failure = failure_of(function() error(coroutine.create(print)) end)
    assert.is_nil(failure.value)
    assert.match("thread", failure.message)
  end)

  it("may raise when it is asked for its text", function()
    local failure = failure_of(function()
      error(setmetatable({coroutine.create(print)}, {__tostring = function() error("no text") end}))
    end)
    assert.equal("error", failure.kind)
  end)

  it("may give something else than text", function()
    local failure = failure_of(function()
      error(setmetatable({coroutine.create(print)}, {__tostring = function() return {} end}))
    end)
    assert.equal("error", failure.kind)
  end)

  it("that never comes to its text is over the time", function()
    local pool = pools.open({workers = 1, timeout = 0.05})
    local failure = raised(pool.apply, pool, function()
      error(setmetatable({coroutine.create(print)}, {__tostring = function() while true do end end}))
    end)
    assert.equal("timeout", failure.kind)
    assert.equal(1, pool:apply(math.abs, -1))
  end)
end)

describe("an error that nobody waits for", function()
  after_each(pools.close)

  it("in a finalizer of the task's garbage costs no other task", function()
    local pool = pools.open(1)
    pool:apply(function()
      if not newproxy then setmetatable({}, {__gc = function() error("late") end}) end
      collectgarbage()
    end)
    assert.equal(2, pool:apply(math.max, 2))
  end)

  it("in the finalizer of the pool costs no result", function()
    local pool = pools.open({workers = 1, finalizer = function() error("late") end})
    local result = pool:submit(math.max, 2)
    pool:close()
    assert.equal(2, result:get())
  end)
end)

describe("a value that cannot be sent", function()
  after_each(pools.close)

  it("as a result names its path, and the worker lives", function()
    local failure = failure_of(function() return {list = {1, coroutine.create(print)}} end)
    assert.equal("unsendable", failure.kind)
    assert.match("result[1].list[2]: a coroutine", tostring(failure), 1, true)
  end)

  it("as an argument raises in the caller, and nothing is sent", function()
    local pool = pools.open(1)
    local failure = raised(pool.apply, pool, print, {hooks = {coroutine.create(print)}})
    assert.equal("unsendable", failure.kind)
    assert.match("args[1].hooks[1]", tostring(failure), 1, true)
    assert.equal(0, pool:stats().deaths)
  end)
end)

describe("a table of tables", function()
  after_each(pools.close)

  it("may be as deep as the limit of the messages, and is refused beyond", function()
    local pool = pools.open(1)
    local function nest(depth)
      local outermost = {}
      local at = outermost
      for _ = 1, depth do
        at[1] = {}
        at = at[1]
      end
      return outermost
    end
    local shallow = pool:apply(nest, 100)
    for _ = 1, 100 do shallow = shallow[1] end
    assert.same({}, shallow)
    local ok, failure = pcall(pool.apply, pool, nest, 100000)
    assert.is_true(ok or parallel.is_failure(failure))
    assert.equal(1, pool:apply(math.abs, 1))
  end)

  it("may be wide", function()
    local wide = pools.open(1):apply(function()
      local list = {}
      for i = 1, 200000 do list[i] = {} end
      return list
    end)
    assert.equal(200000, #wide)
  end)

  it("with metamethods is read without running them", function()
    local result = pools.open(1):apply(function()
      return setmetatable({1}, {__index = error, __pairs = error, __len = error})
    end)
    assert.equal(1, rawget(result, 1))
  end)
end)

describe("a callback that closes the pool", function()
  after_each(pools.close)

  it("is allowed to", function()
    local pool, closed = pools.open(1), false
    local result = pool:apply_async(math.max, {3}, {callback = function()
      pool:terminate()
      closed = true
    end})
    assert.equal(3, result:get())
    result:wait(0)
    assert.is_true(closed)
    assert.match("attempt to use a closed pool", raised(pool.submit, pool, print))
  end)
end)

describe("a callback that waits for another result", function()
  after_each(pools.close)

  it("gets it", function()
    local pool, inner = pools.open(1), nil
    local result = pool:apply_async(math.max, {3}, {callback = function()
      inner = pool:submit(math.min, 5):get()
    end})
    assert.equal(3, result:get())
    assert.equal(5, inner)
  end)
end)

describe("a result of fifty megabytes", function()
  local SIZE = 50 * 1000 * 1000

  after_each(pools.close)

  -- Its worker is killed when some of it has come, and more than that cannot have been written.
  local function kill_in_the_middle(options)
    local pool, begun, go = pools.open(options), kept.keep(parallel.Event()), kept.keep(parallel.Event())
    local result = pool:submit(function()
      begun:set()
      go:wait()
      return ("x"):rep(SIZE)
    end)
    begun:wait()
    pool:step() -- what came before
    go:set()
    while #core.poll({pool:pollfd()}) == 0 do end
    testing.kill(pool:stats()[1].pid, "KILL")
    return result, pool
  end

  it("whose worker is killed in the middle of it is none", function()
    local result, pool = kill_in_the_middle(1)
    assert.equal("SIGKILL", raised(result.get, result).signal)
    assert.equal(1, pool:apply(math.abs, 1))
  end)

  it("comes whole in the end when it is tried again", function()
    local result = kill_in_the_middle({workers = 1, retries = 1})
    assert.is_true(result:get() == ("x"):rep(SIZE))
  end)
end)

describe("a result of more than two gigabytes", function()
  after_each(pools.close)

  -- string.rep itself makes no more than two.
  local function huge()
    local half = ("0123456789abcdef"):rep(2 ^ 26)
    return half .. half .. "x"
  end

  it("is whole, or more than this Lua can hold", function()
    if os.getenv("PARALLEL_LUA_TORTURE") ~= "full" then pending("takes ten gigabytes of memory") end
    watchdog.patience(600)
    local pool = pools.open(1)
    local ok, bytes = pcall(pool.apply, pool, huge)
    if rawget(_G, "jit") then return assert.match("string length overflow", tostring(bytes)) end
    assert.is_true(ok, not ok and tostring(bytes) or nil)
    assert.equal(2 ^ 31 + 1, #bytes)
    assert.is_true(bytes == huge())
  end)
end)
