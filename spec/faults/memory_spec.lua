-- When memory runs out, for a worker or for the one who asks: an error, and then business as usual.
local child = require "spec.support.child"
local files = require "spec.support.files"
local parallel = require "parallel"
local pools = require "spec.support.pools"
local shell = require "spec.support.shell"
local testing = require("parallel.core").testing
local trials = require "spec.support.trials"

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
