-- When memory runs out, for a worker or for the one who asks: an error, and then business as usual.
local core = require "parallel.core"
local child = require "spec.support.child"
local files = require "spec.support.files"
local parallel = require "parallel"
local pools = require "spec.support.pools"
local shell = require "spec.support.shell"
local trials = require "spec.support.trials"

local testing = core.testing

local function skip_under_sanitizers()
  if (os.getenv("LD_PRELOAD") or "") ~= "" then pending("a sanitizer needs more than any limit") end
end

local function square(x) return x * x end

describe("a pool whose caller runs out of memory", function()
  after_each(pools.close)

  -- Every allocation of Lua fails once, with all later ones, in the course of a map.
  it("raises an error, and maps when there is memory again", function()
    local pool = pools.open(1)
    pool:map(square, {1})
    local n, done = 0, false
    while not done do
      n = n + 7
      local ok, results = testing.starve(n, pool.map, pool, square, {1, 2, 3})
      done = ok
      if ok then assert.equal(9, results[3])
      else assert.match("memory", tostring(results)) end
    end
    assert.same({1, 4, 9, n = 3}, pool:map(square, {1, 2, 3}))
  end)
end)

describe("outcomes that come when there is no memory", function()
  after_each(pools.close)

  local function boxed(x) return {x * x} end

  local function three()
    local i = 0
    return function()
      i = i + 1
      return i <= 3 and i or nil
    end
  end

  local WAYS = {
    ["of a map"] = function(pool) return pool:map_async(boxed, {1, 2, 3}, {chunksize = 3}) end,
    ["of a map in any order"] = function(pool)
      return pool:map_async(boxed, {1, 2, 3}, {chunksize = 3, ordered = false})
    end,
    ["of a map of an iterator"] = function(pool) return pool:map_async(boxed, three(), {window = 2}) end,
    ["of a task"] = function(pool) return pool:submit(boxed, 3) end,
    ["of a task with a callback"] = function(pool)
      return pool:apply_async(boxed, {3}, {callback = function() end})
    end,
  }

  local function check(value)
    if value.n == nil then return assert.same({9}, value) end
    local seen = {}
    for i = 1, 3 do seen[value[i][1]] = true end
    assert.same({[1] = true, [4] = true, [9] = true}, seen)
  end

  for name, way in pairs(WAYS) do
    for _, starve in ipairs({"starve", "starve_once"}) do
      it(("%s are had later, or are an error (%s)"):format(name, starve), function()
        local pool = pools.open(1)
        for n = 0, 50 do
          pool:apply(boxed, 1)
          local result = way(pool)
          core.poll({pool:pollfd()}, 20)
          testing[starve](n, pool.work, pool)
          local ok, value = pcall(result.get, result, 20)
          if ok then check(value) else assert.match("not enough memory", tostring(value)) end
        end
      end)
    end
  end
end)

describe("a worker with a limit of the system", function()
  local function run(limit, text)
    local script = files.write("script.lua", text)
    return shell.run({"sh", "-c", 'ulimit -v "$1"; shift; exec "$@"', "sh", limit, shell.interpreter(), script})
  end

  it("fails the task that wants more memory, and no other", function()
    skip_under_sanitizers()
    local result = run("400000", [[
      local parallel = require "parallel"
      local pool = parallel.Pool(1)
      local results = pool:map(function(i)
        return i == 2 and #("x"):rep(1000 * 1000 * 1000) or i
      end, {1, 2, 3}, {on_error = "collect"})
      print(results[1], results[2].kind, results[3])
      pool:close()
    ]])
    assert.same({status = 0, stdout = "1\tmemory\t3\n", stderr = ""}, result)
  end)

  it("survives code in C that has taken all there is", function()
    skip_under_sanitizers()
    local result = run("200000", [[
      local parallel = require "parallel"
      local pool = parallel.Pool(1)
      local results = pool:map(function(i)
        if i == 2 then require("parallel.core").testing.crash("eat memory") end
        return i
      end, {1, 2, 3}, {on_error = "collect", chunksize = 1})
      local lost = 0
      for i = 1, 3 do
        if parallel.is_failure(results[i]) then lost = lost + 1 else assert(results[i] == i) end
      end
      print(lost <= 2)
      pool:close()
    ]])
    assert.same({status = 0, stdout = "true\n", stderr = ""}, result)
  end)
end)

describe("a worker that is killed for its memory", function()
  after_each(pools.close)

  -- What such programs as earlyoom do: the first of these processes that is over the limit is killed.
  local function start_warden(pids)
    return child.start(function()
      local function resident_kib(pid)
        return tonumber((files.read("/proc/" .. pid .. "/status") or ""):match("VmRSS:%s*(%d+)")) or 0
      end
      while true do
        for _, pid in ipairs(pids) do
          if resident_kib(pid) > 200 * 1024 then return testing.kill(pid, "KILL") end
        end
      end
    end)
  end

  it("by a program that watches over it costs that task alone", function()
    skip_under_sanitizers()
    local pool = pools.open(2)
    local warden = start_warden(pool:broadcast(testing.getpid))
    local results = pool:map(function(i)
      local hoard = {}
      while i == 2 do -- two hundred megabytes, and then none any more
        if #hoard < 220 then hoard[#hoard + 1] = ("x"):rep(1024 * 1024 - #hoard) end
      end
      return i
    end, {1, 2, 3}, {on_error = "collect"})
    warden:finish()
    assert.equal("SIGKILL", results[2].signal)
    assert.same({1, 3}, {results[1], results[3]})
    assert.same({1, 2, 3, n = 3}, pool:map(math.abs, {1, -2, 3}))
  end)

  -- A group of our own with a limit: the second version of the kernel's groups, or the first.
  local GROUPS = {
    {of = "\n0::(%S+)", at = "/sys/fs/cgroup", limit = "memory.max"},
    {of = "\n%d+:memory:(%S+)", at = "/sys/fs/cgroup/memory", limit = "memory.limit_in_bytes"},
  }

  local function make_group()
    local groups = "\n" .. (files.read("/proc/self/cgroup") or "")
    for _, kind in ipairs(GROUPS) do
      local ours = groups:match(kind.of)
      local path = ours and ("%s%s/parallel-lua-spec.%d"):format(kind.at, ours, testing.getpid())
      if path and shell.run({"mkdir", path}).status == 0 then
        local limit = path .. "/" .. kind.limit
        if files.read(limit) and shell.run(("echo 64M >'%s'"):format(limit)).status == 0 then return path end
        shell.run({"rmdir", path})
      end
    end
    pending("no group with a memory limit may be made here")
  end

  -- With a limit of address space beyond that of the group, which some kernels do not keep to.
  local function run_in(group, text)
    return shell.run(("ulimit -v 1000000; echo $$ >'%s/cgroup.procs' && exec %s %s"):format(
      group, shell.interpreter(), files.write("script.lua", text)))
  end

  it("by the kernel costs that task alone", function()
    skip_under_sanitizers()
    local group = make_group()
    finally(function() shell.run({"rmdir", group}) end)
    local alone = run_in(group, 'require "parallel" require("parallel.core").testing.crash("eat memory")')
    if alone.signal ~= "SIGKILL" then pending("the kernel does not keep to a group's limit here") end
    local result = run_in(group, [[
      local pool = require("parallel").Pool(1)
      local results = pool:map(function(i)
        if i == 2 then require("parallel.core").testing.crash("eat memory") end
        return i
      end, {1, 2, 3}, {on_error = "collect"})
      print(results[1], results[2].signal, results[3])
      pool:close()
    ]])
    assert.same({status = 0, stdout = "1\tSIGKILL\t3\n", stderr = ""}, result)
  end)
end)

describe("many tasks", function()
  after_each(pools.close)

  local function resident_kib()
    return tonumber(files.read("/proc/self/status"):match("VmRSS:%s*(%d+)"))
  end

  it("from an iterator take the memory of a few", function()
    skip_under_sanitizers()
    local pool, i = pools.open(2), 0
    collectgarbage()
    local before, count = resident_kib(), 0
    for _ in pool:imap_unordered(square, function()
      i = i + 1
      return i <= 50000 and i or nil
    end) do count = count + 1 end
    assert.equal(50000, count)
    assert.is_true(resident_kib() - before < 20000)
  end)

  it("that wait take less than two kilobytes each", function()
    skip_under_sanitizers()
    local pool = pools.open(1)
    collectgarbage()
    local before, results = resident_kib(), {}
    for k = 1, 5000 do results[k] = pool:submit(square, k) end
    assert.is_true(resident_kib() - before < 2 * 5000)
    for k = 1, 5000 do assert.equal(k * k, results[k]:get()) end
  end)

  it("have one outcome each when they are given by hundreds of calls", function()
    local pool = pools.open(2)
    local list = {}
    for k = 1, 200 do list[k] = pool:map_async(square, trials.count_to(10)) end
    for k = 1, 200 do assert.equal(100, list[k]:get()[10]) end
    assert.is_false(parallel.is_failure(list[1]))
  end)
end)

describe("a task that is submitted while memory runs out", function()
  after_each(pools.close)

  local TEXT, EVENT = ("0123456789abcdef"):rep(20000), parallel.Event()

  local function name_of(what) return function(x) return what, type(x) == "table" and x[1] or x end end

  local one, other = name_of("one"), name_of("other")

  local WAYS = {
    ["as the one before"] = function(pool, n) return pool:submit(one, n) end,
    ["with another function"] = function(pool, n) return pool:submit(other, n) end,
    ["with a function that changes"] = function(pool, n)
      return pool:submit(function(x) return n and "other", x end, n)
    end,
    ["with a table"] = function(pool, n) return pool:submit(other, {n}) end,
    ["with a large text"] = function(pool, n) return pool:submit(other, {n, TEXT}) end,
    ["with a shared object"] = function(pool, n) return pool:submit(other, {n, EVENT}) end,
    ["with options"] = function(pool, n)
      return pool:apply_async(other, {n}, {label = "x", timeout = 60, callback = function() end})
    end,
    ["with what cannot be sent"] = function(pool, n) return pool:submit(other, n, coroutine.create(print)) end,
  }

  local function check(n, what, number, result)
    local ok, problem, value = pcall(result.get, result, 10)
    if ok then return assert.same({what, number, n}, {problem, value, n}) end
    assert.is_true(parallel.is_failure(problem, "unsendable"), tostring(problem))
  end

  -- Those before wait, when there are many: then nobody takes them meanwhile.
  local function try(starve, way, pool, n, waiting)
    local before, after = {}, {}
    for i = 1, waiting do before[i] = pool:submit(one, i) end
    local ok, result = starve(n, way, pool, n)
    after[1], after[2] = pool:submit(one, "1"), pool:submit(other, {"2"})
    after[3], after[4] = pool:submit(other, {"3", TEXT}), pool:submit(one, "4")
    for i = 1, waiting do check(n, "one", i, before[i]) end
    for i = 1, 4 do check(n, (i == 1 or i == 4) and "one" or "other", tostring(i), after[i]) end
    if ok then check(n, way == WAYS["as the one before"] and "one" or "other", n, result)
    else assert.match("memory", tostring(result)) end
    return ok
  end

  for name, way in pairs(WAYS) do
    it(name .. ", at each allocation, costs no other task its arguments", function()
      local pool = pools.open(1)
      pool:apply(one, 1)
      local n, succeeded = 0, 0
      while succeeded < 3 do -- now and then there is less to do than before
        succeeded = try(testing.starve, way, pool, n, n % 2 * 50) and succeeded + 1 or 0
        n = n + 1
      end
      assert.is_true(n > 5)
      for i = 0, n do try(testing.starve_once, way, pool, i, i % 2 * 50) end
      assert.equal(0, pool.singles.roll.open())
      assert.is_nil(next(pool.singles.withdrawn))
    end)
  end
end)
