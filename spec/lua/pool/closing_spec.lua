-- How a pool ends.
local parallel = require "parallel"
local core = require "parallel.core"
local files = require "spec.support.files"
local leaks = require "spec.support.leaks"
local trials = require "spec.support.trials"

local testing = core.testing
local raised, count_to = trials.raised, trials.count_to

local pool

local function wait_for(path) repeat until os.rename(path, path) end

local function is_alive(pid) return os.execute(("kill -0 %d 2>/dev/null"):format(pid)) end

local function ended(pid)
  local alive = is_alive(pid)
  return alive ~= true and alive ~= 0
end

describe("pool:close", function()
  after_each(function() pool:terminate() end)

  it("runs what was submitted, and ends the workers", function()
    pool = parallel.Pool(2)
    local pid = pool:apply(testing.getpid)
    local results = {}
    for i = 1, 20 do results[i] = pool:submit(math.sqrt, i * i) end
    local list = pool:map_async(math.sqrt, {4, 9})
    assert.is_true(pool:close())
    assert.is_true(ended(pid))
    for i = 1, 20 do assert.equal(i, results[i]:get()) end
    assert.same({2, 3, n = 2}, list:get())
  end)

  it("is harmless twice, and refuses what comes after it", function()
    pool = parallel.Pool(1)
    assert.is_true(pool:close())
    assert.is_true(pool:close())
    for _, name in ipairs({"submit", "apply", "map", "imap", "each", "broadcast"}) do
      assert.match("attempt to use a closed pool", raised(pool[name], pool, type, {1}))
    end
  end)

  it("waits as long as it is told to, and then join goes on", function()
    pool = parallel.Pool(1)
    local path = files.path("go on")
    local result = pool:submit(wait_for, path)
    assert.same({nil, "timeout"}, {pool:close(0)})
    assert.same({nil, "timeout"}, {pool:join(0.01)})
    assert.match("attempt to use a closed pool", raised(pool.submit, pool, type, 1))
    files.write("go on", "")
    assert.is_true(pool:join(60))
    assert.is_true(result:successful())
  end)

  it("can be waited for in an event loop", function()
    pool = parallel.Pool(1)
    local result = pool:submit(type, 1)
    pool:close(0)
    while not result:ready() do
      core.poll({pool:pollfd()}, pool:timeout())
      pool:step()
    end
    assert.is_true(pool:join())
    assert.match("attempt to use a closed pool", raised(pool.step, pool))
  end)

  it("does not read on for an iteration that was abandoned", function()
    pool = parallel.Pool(1)
    local i = 0
    local step = pool:imap(math.sqrt, function()
      i = i + 1
      return i * i
    end, {window = 3})
    assert.same({1, 1}, {step()})
    pool:close()
    assert.is_true(i < 100)
    local problem
    repeat
      local ok, number = pcall(step)
      problem = not ok and number
    until problem
    assert.match("attempt to use a closed pool", problem)
  end)

  it("gives up on a finalizer that does not end", function()
    pool = parallel.Pool({workers = 1, finalizer = function() while true do end end})
    assert.same({nil, "timeout"}, {pool:close(0.05)})
    assert.same({nil, "timeout"}, {pool:join(0)})
    pool:terminate()
    assert.is_true(pool:join(0))
  end)

  it("takes a number of seconds", function()
    pool = parallel.Pool(1)
    assert.match("^spec/lua/pool/closing_spec.lua:%d+: bad argument #2 to 'close' %(number of seconds expected, got string%)",
      raised(function() pool:close("1") end))
  end)
end)

describe("a pool that is forgotten", function()
  it("is ended when it is collected, whatever it does", function()
    local function use_and_forget()
      local forgotten, running = parallel.Pool(1), parallel.Event()
      forgotten:submit(function()
        running:set()
        while true do end -- luacheck: ignore 542
      end)
      running:wait()
      forgotten:imap(math.abs, {1})
      return forgotten:stats()[1].pid
    end
    local pid = use_and_forget()
    leaks.collect_until(function() return ended(pid) end)
  end)
end)

describe("pool:join", function()
  after_each(function() pool:terminate() end)

  for _, workers in ipairs({2, 0}) do
    it(("is true after close, with %d workers"):format(workers), function()
      pool = parallel.Pool(workers)
      local result = pool:submit(type, 1)
      pool:close()
      assert.is_true(pool:join(5))
      assert.is_true(pool:join())
      assert.equal("number", result:get())
    end)
  end

  it("is true after terminate", function()
    pool = parallel.Pool(2)
    pool:submit(function() while true do end end)
    pool:terminate()
    assert.is_true(pool:join(0))
  end)

  it("raises while the pool is open", function()
    pool = parallel.Pool(1)
    assert.match("^spec/lua/pool/closing_spec.lua:%d+: join: the pool is still open",
      raised(function() pool:join(0) end))
  end)
end)

describe("pool:terminate", function()
  it("cancels what has no result", function()
    pool = parallel.Pool(1)
    local one = pool:submit(function() while true do end end)
    local all = pool:map_async(function() while true do end end, count_to(10))
    local step = pool:imap(function() while true do end end, count_to(10))
    pool:terminate()
    for _, f in ipairs({function() one:get() end, function() all:get() end, function() step() end}) do
      assert.is_true(parallel.is_failure(raised(f), "cancelled"))
    end
  end)

  it("cancels a map that has no order", function()
    pool = parallel.Pool(1)
    local result = pool:map_async(function() while true do end end, {1}, {ordered = false})
    pool:terminate()
    assert.equal("cancelled", raised(result.get, result).kind)
  end)

  local function forever() while true do end end

  for name, wait in pairs({
    ["a result"] = function() pool:submit(forever):get() end,
    ["a map"] = function() pool:map(forever, {1}) end,
    ["an iteration"] = function() pool:each(forever, {1}) end,
    ["a broadcast"] = function() pool:broadcast(forever) end,
    ["a push"] = function()
      pool:submit(forever)
      pool:push({k = 1})
    end,
    ["an engine"] = function() pool[1]:apply(forever) end,
  }) do
    it("may come from a callback while who called waits for " .. name, function()
      pool = parallel.Pool(1)
      pool:apply_async(tostring, {1}, {callback = function() pool:terminate() end})
      assert.equal("cancelled", raised(wait).kind)
    end)
  end

  it("may come from a callback of another pool", function()
    local other = parallel.Pool(1)
    pool = parallel.Pool(1)
    other:apply_async(type, {1}, {callback = function() pool:terminate() end})
    assert.equal("cancelled", raised(pool.apply, pool, forever).kind)
    other:close()
  end)

  it("may come from a callback while the pool is closed", function()
    pool = parallel.Pool(1)
    pool:apply_async(type, {1}, {callback = function() pool:terminate() end})
    assert.is_true(pool:close())
  end)

  it("may come from a callback that is told while another task is to be cancelled", function()
    pool = parallel.Pool(1)
    pool:apply(type, 1)
    pool:apply_async(type, {1}, {callback = function() pool:terminate() end})
    local result = pool:submit(forever)
    core.poll({pool:pollfd()})
    assert.is_false(result:cancel())
    assert.equal("cancelled", raised(result.get, result).kind)
  end)

  it("may come in the middle of closing", function()
    pool = parallel.Pool(1)
    local result = pool:submit(function() while true do end end)
    pool:close(0)
    pool:terminate()
    assert.equal("cancelled", raised(result.get, result).kind)
    assert.is_true(pool:join())
  end)
end)
