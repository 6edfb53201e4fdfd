-- Values of some megabytes: they come whole or not at all, whoever dies meanwhile, and are gone then.
local parallel = require "parallel"
local pools = require "spec.support.pools"
local testing = require("parallel.core").testing
local trials = require "spec.support.trials"

local MIB = 1024 * 1024
local TEXT = ("0123456789abcdef"):rep(3 * MIB / 16)

local function same(x) return x end

local function size(x) return #x end

local function records(n)
  local list = {}
  for i = 1, n do list[i] = {id = i, name = "user" .. i} end
  return list
end

local RECORDS = records(10000)

describe("a large value", function()
  after_each(pools.close)

  for name, options in pairs({
    ["a forked worker"] = {workers = 1}, ["no worker"] = {workers = 0},
    ["a spawned worker"] = {workers = 1, start_method = "spawn"},
  }) do
    it("comes to " .. name .. " and back", function()
      local pool = pools.open(options)
      assert.is_true(TEXT == pool:apply(same, TEXT))
      assert.same(RECORDS, pool:apply(same, RECORDS))
      assert.same({#TEXT, #RECORDS, n = 2}, pool:map(size, {TEXT, RECORDS}))
      assert.same({#TEXT, n = 1}, pool:starmap(size, {{TEXT}}))
    end)
  end

  it("comes in its turn between small ones", function()
    local pool, results = pools.open(2), {}
    for i = 1, 60 do
      results[i] = pool:submit(function(x, number) return #x, number end, i % 7 == 0 and TEXT or {i}, i)
    end
    for i = 1, 60 do assert.same({i % 7 == 0 and #TEXT or 1, i}, {results[i]:get()}) end
  end)

  it("comes to every worker, and to one", function()
    local pool = pools.open(2)
    assert.same({#TEXT, #TEXT}, pool:broadcast(size, TEXT))
    assert.is_true(TEXT == pool[2]:apply(same, TEXT))
    assert.is_true(TEXT .. 1 == pool:broadcast(function(x) return x .. 1 end, TEXT)[2])
  end)

  it("is the one that it was when it was submitted", function()
    local pool, list = pools.open(1), records(10000)
    local result = pool:submit(function(x) return x[1].id end, list)
    list[1].id = "changed"
    assert.equal(1, result:get())
  end)

  it("that waits behind a long task goes to another worker", function()
    local pool, event = pools.open(2), parallel.Event()
    local long = pool:submit(function() return event:wait() end)
    local results = {}
    for i = 1, 6 do results[i] = pool:submit(size, TEXT) end
    for i = 1, 6 do assert.equal(#TEXT, results[i]:get()) end
    event:set()
    assert.is_true(long:get())
    assert.same({#TEXT, #TEXT}, pool:broadcast(size, TEXT)) -- what was taken back is in nobody's way
  end)

  it("is not run when it was cancelled while it waited", function()
    local pool, event = pools.open(1), parallel.Event()
    local long = pool:submit(function() return event:wait() end)
    local cancelled, kept = pool:submit(size, TEXT), pool:submit(size, TEXT .. 1)
    assert.is_true(cancelled:cancel())
    event:set()
    assert.is_true(long:get())
    assert.equal(#TEXT + 1, kept:get())
    assert.equal("cancelled", trials.raised(cancelled.get, cancelled).kind)
  end)

  it("may be under way when the pool ends", function()
    local pool = pools.open(1)
    local result = pool:submit(function(x) while true do same(x) end end, TEXT)
    pool:submit(size, TEXT)
    pool:terminate()
    assert.equal("cancelled", trials.raised(result.get, result).kind)
  end)
end)

describe("the death of a worker", function()
  after_each(pools.close)

  for _, point in ipairs({"task.partly:killchild@2", "bulk.taken:kill@1", "task.read:kill@1", "task.begin:kill@1"}) do
    it("while a large argument comes is free of charge, at " .. point, function()
      testing.fault(point)
      local pool = pools.open(1)
      assert.is_true(TEXT == pool:apply(same, TEXT))
      assert.equal(1, testing.fault_acted())
      assert.equal(1, pool:stats().deaths)
    end)
  end

  for _, point in ipairs({"item.begin", "item.done", "part.begin", "result.partly"}) do
    it("that runs it costs one attempt, at " .. point, function()
      testing.fault(point .. ":kill@1")
      local pool = pools.open({workers = 1, retries = 1})
      assert.is_true(TEXT == pool:apply(same, TEXT))
      assert.equal(1, testing.fault_acted())
      assert.equal(1, pool:stats().retried)
    end)
  end

  it("costs the large result that was on its way, and no other", function()
    testing.fault("result.partly:kill@1")
    local pool = pools.open(1)
    local results = pool:map(function(i) return i == 2 and TEXT or i end, {1, 2, 3},
      {on_error = "collect", chunksize = 3})
    assert.equal(1, results[1])
    assert.equal("died", results[2].kind)
    assert.equal(3, results[3])
  end)

  it("after a large result was sent costs nothing", function()
    testing.fault("part.sent:kill@1")
    local pool = pools.open(1)
    assert.is_true(TEXT == pool:apply(same, TEXT))
    assert.equal(1, pool:apply(same, 1)) -- in another
    assert.equal(1, testing.fault_acted())
  end)
end)

describe("a large value, when there is no memory for it,", function()
  after_each(pools.close)

  -- Every allocation of the core fails once, here or in the worker.
  it("is an error or comes whole, and the next one comes", function()
    local n, acted = 0
    repeat
      n = n + 1
      local pool = pools.open({workers = 1, retries = 1})
      pool:apply(same, 1)
      testing.fault("sys.realloc:ENOMEM@" .. n)
      local ok, result = pcall(pool.apply, pool, same, TEXT)
      acted = testing.fault_acted()
      testing.fault(nil)
      if ok then assert.is_true(result == TEXT)
      else assert.match("memory", tostring(result)) end
      assert.is_true(TEXT == pool:apply(same, TEXT))
      pools.close()
    until acted == 0
    assert.is_true(n > 3)
  end)

  -- Every allocation of Lua fails in its turn, with all later ones.
  it("is an error for its caller, and the pool can be ended", function()
    local n, done = 0, false
    while not done do
      n = n + 1
      local pool = pools.open(1)
      pool:apply(same, 1)
      local ok, result = testing.starve(n, pool.apply, pool, same, TEXT)
      done = ok
      if not ok then assert.match("memory", tostring(result)) end
      pools.close()
    end
    assert.is_true(n > 5)
  end)
end)

describe("the memory of a large value", function()
  after_each(pools.close)

  local function private(pid)
    local sum = 0
    for line in io.lines(("/proc/%s/smaps_rollup"):format(pid)) do
      sum = sum + (tonumber(line:match("^Private_%a+:%s*(%d+)")) or 0)
    end
    return sum * 1024
  end

  it("is given back by the worker and by its pool", function()
    if (os.getenv("LD_PRELOAD") or "") ~= "" then pending("a sanitizer keeps what was freed") end
    local pool, huge = pools.open(1), ("x"):rep(32 * MIB)
    local function rest()
      collectgarbage()
      collectgarbage()
      return private("self")
    end
    local there, here = pool:apply(rest), rest()
    assert.equal(#huge, #pool:apply(same, huge))
    assert.is_true(pool:apply(rest) - there < 8 * MIB)
    assert.is_true(rest() - here < 8 * MIB)
  end)
end)
