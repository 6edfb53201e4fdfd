-- How long a worker lives, and what makes it leave.
local parallel = require "parallel"
local core = require "parallel.core"
local testing = core.testing
local trials = require "spec.support.trials"

local raised, count_to = trials.raised, trials.count_to

local jit = rawget(_G, "jit")
local pool

local function open(options)
  pool = parallel.Pool(options)
  return pool
end

local function times_seen(list)
  local seen = {}
  for _, value in ipairs(list) do seen[value] = (seen[value] or 0) + 1 end
  return seen
end

describe("tasks_per_worker", function()
  after_each(function() pool:close() end)

  for _, options in ipairs({{}, {chunksize = 1}, {chunksize = 7}}) do
    local size = options.chunksize or "any size"
    it("replaces a worker after so many items, with chunks of " .. size, function()
      open({workers = 2, tasks_per_worker = 3})
      local pids = pool:map(testing.getpid, count_to(30), options)
      assert.equal(30, pids.n)
      for _, times in pairs(times_seen(pids)) do assert.is_true(times <= 3) end
      assert.equal(0, pool:stats().deaths)
    end)
  end

  it("counts from the first task, when there is an initializer too", function()
    open({workers = 1, tasks_per_worker = 2, initializer = function() end})
    local seen = times_seen(pool:map(testing.getpid, count_to(6), {chunksize = 1}))
    for _, times in pairs(seen) do assert.equal(2, times) end
  end)

  it("means nothing without workers", function()
    open({workers = 0, tasks_per_worker = 2})
    assert.equal(10, pool:map(testing.getpid, count_to(10)).n)
  end)

  it("runs the finalizer in each", function()
    local path = os.getenv("TMPDIR") .. "/finalized"
    open({workers = 1, tasks_per_worker = 1, finalizer = function()
      local file = io.open(path, "a")
      file:write("x")
      file:close()
    end})
    for _ = 1, 3 do pool:apply(testing.getpid) end
    pool:close()
    local file = io.open(path)
    assert.match("^xxxx?$", file:read("*a"))
    file:close()
    os.remove(path)
  end)

  it("must be a whole number", function()
    open(0)
    assert.match("tasks_per_worker must be a whole number", raised(parallel.Pool, {tasks_per_worker = 0}))
  end)
end)

describe("memory_per_worker", function()
  after_each(function() pool:close() end)

  if jit then
    it("is refused with LuaJIT", function()
      open(0)
      assert.match("memory_per_worker is not available with LuaJIT",
        raised(parallel.Pool, {workers = 1, memory_per_worker = "64M"}))
    end)
    return
  end

  local function hog_at(n)
    return function(x)
      if x ~= n then return x end
      _G.hoard = {}
      while true do _G.hoard[#_G.hoard + 1] = ("x"):rep(1000) .. #_G.hoard end
    end
  end

  it("fails the task that wants more, and no other", function()
    open({workers = 2, memory_per_worker = "64M"})
    local results = pool:map(hog_at(7), count_to(40), {chunksize = 10, on_error = "collect"})
    for i = 1, 40 do
      if i ~= 7 then assert.equal(i, results[i]) end
    end
    assert.equal("memory", results[7].kind)
    assert.match("^task 7 failed in worker %d: not enough memory$", tostring(results[7]))
  end)

  it("replaces the worker afterwards, and only that one", function()
    open({workers = 1, memory_per_worker = 64 * 2 ^ 20})
    local before = pool:apply(testing.getpid)
    raised(pool.apply, pool, string.rep, "x", 2 ^ 30)
    assert.are_not.equal(before, pool:apply(testing.getpid))
    assert.equal(0, pool:stats().deaths)
  end)

  it("lets a task go on that did with less", function()
    open({workers = 1, memory_per_worker = "64M"})
    assert.equal("small", pool:apply(function()
      return pcall(string.rep, "x", 2 ^ 30) and "big" or "small"
    end))
  end)

  it("must be an amount", function()
    open(0)
    for _, bad in ipairs({"a lot", "-1M", 0, 0 / 0, "M"}) do
      assert.match('memory_per_worker must be bytes or like "512M"',
        raised(parallel.Pool, {workers = 1, memory_per_worker = bad}))
    end
  end)
end)

describe("retry_errors", function()
  after_each(function() pool:close() end)

  for _, workers in ipairs({1, 0}) do
    it(("runs a task again that raised, with %d workers"):format(workers), function()
      open({workers = workers, retries = 2, retry_errors = true})
      local failed = raised(pool.apply, pool, error, "no")
      assert.equal("error", failed.kind)
      assert.equal(3, failed.attempts)
    end)
  end

  it("is off unless asked for", function()
    open({workers = 1, retries = 2})
    assert.equal(1, raised(pool.apply, pool, error, "no").attempts)
  end)
end)

describe("a worker's process", function()
  after_each(function() pool:close() end)

  local function read(path)
    local file = io.open(path)
    local text = file:read("*a")
    file:close()
    return text
  end

  it("carries the name of the pool and its number", function()
    open({workers = 2, name = "resize"})
    assert.same({"resize worker 1\n", "resize worker 2\n"},
      pool:broadcast(function() return read("/proc/self/comm") end))
    assert.match("^parallel%-lua", pool:apply(function() return read("/proc/self/cmdline") end))
    assert.not_match("^parallel%-lua: resize", read("/proc/self/cmdline"))
  end)

  it("is as nice as asked for", function()
    open({workers = 1, nice = 5})
    local function niceness() return read("/proc/self/stat"):match("%) " .. ("%S+ "):rep(16) .. "(%S+)") end
    local here = tonumber(niceness())
    assert.equal(math.min(19, here + 5), tonumber(pool:apply(niceness)))
  end)

  it("stays on one processor when pinned", function()
    open({workers = 3, pin = true})
    for _, list in ipairs(pool:broadcast(function()
      return read("/proc/self/status"):match("Cpus_allowed_list:%s*(%S+)")
    end)) do assert.match("^%d+$", list) end
  end)
end)
