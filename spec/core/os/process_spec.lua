local files = require("spec.support.files")
local lfs = require("lfs")
local shell = require("spec.support.shell")
require("parallel")
local core = require("parallel.core")
local testing = core.testing

local pool

local function run_one(handle)
  pool = assert(core.pool({workers = 1, begin = function() end, handle = handle}))
  pool:submit("")
  local kind, _, _, reply = pool:wait(5)
  assert.equal("result", kind)
  return reply
end

local function status_line(name)
  return files.read("/proc/self/status"):match("\n" .. name .. ":\t(%x+)\n")
end

local NONE = ("0"):rep(16)

local function close_pool()
  testing.fault(nil)
  testing.block_signals(false)
  if pool then pool:close() end
  pool = nil
end

local function descriptors()
  local numbers, targets = {}, {}
  for name in lfs.dir("/proc/self/fd") do numbers[#numbers + 1] = tonumber(name) end
  table.sort(numbers)
  for _, fd in ipairs(numbers) do -- by now the folder itself is closed
    targets[#targets + 1] = lfs.symlinkattributes("/proc/self/fd/" .. fd, "target")
  end
  return targets
end

describe("a worker process", function()
  after_each(close_pool)

  for _, plan in ipairs({"", "sys.close_range:ENOSYS@*"}) do
    it("has its own channel open and nothing else of ours " .. plan, function()
      testing.fault(plan)
      local secret = io.open(files.write("secret", ""))
      local targets = run_one(function() return table.concat(descriptors(), "\n") end)
      secret:close()
      assert.not_match("secret", targets, 1, true)
      assert.match("^/dev/null\n", targets)
      -- stdout and stderr may be anything; then come the life pipe and the channel
      local own = {}
      for target in targets:gmatch("[^\n]+") do own[#own + 1] = target:match("^%a+:") end
      for _, fd in ipairs({1, 2}) do
        local target = lfs.symlinkattributes("/proc/self/fd/" .. fd, "target")
        if target:match("^%a+:") then table.remove(own, 1) end
      end
      table.sort(own)
      assert.same({"pipe:", "socket:"}, own)
    end)
  end

  it("has what it is given open", function()
    local file = core.scratch()
    pool = assert(core.pool({workers = 1, keep = {file:fd()}, begin = function() end,
      handle = function() return table.concat(descriptors(), "\n") end}))
    pool:submit("")
    local _, _, _, targets = pool:wait(5)
    file:close()
    assert.match("[^\n]* %(deleted%)", targets) -- it has no name any more, and never had one in memory
  end)

  it("blocks no signal, catches none, and ignores but SIGPIPE, whatever we do", function()
    testing.block_signals(true)
    local masks = run_one(function()
      return status_line("SigBlk") .. " " .. status_line("SigCgt"):sub(-8) .. " " .. status_line("SigIgn")
    end)
    assert.equal(NONE .. " 00000000 0000000000001000", masks)
  end)

  it("leads a process group of its own", function()
    local group = run_one(function()
      return files.read("/proc/self/stat"):match("%) %a %d+ (%d+)")
    end)
    assert.equal(tostring(pool:workers()[1]), group)
  end)

  it("draws random numbers of its own", function()
    local function draw() return tostring(math.random(1e9)) end
    local first = run_one(draw)
    close_pool()
    assert.not_equal(first, run_one(draw))
  end)

  it("prints what its parent had not yet written not again", function()
    local script = files.write("host.lua", [[
      local core = require("parallel") and require("parallel.core")
      io.stdout:setvbuf("full")
      io.write("once\n")
      local pool = core.pool({workers = 2, begin = function() end, handle = function()
        io.write("from a worker\n")
        return ""
      end})
      pool:submit("")
      pool:wait()
      pool:drain(5)
    ]])
    assert.same({stdout = "once\nfrom a worker\n", stderr = "", status = 0},
      shell.run({shell.interpreter(), script}))
  end)
end)

describe("starting a process", function()
  after_each(close_pool)

  it("leaves our signal mask as it was", function()
    local before = status_line("SigBlk")
    assert.equal(before, run_one(function() return "" end) and status_line("SigBlk"))
    close_pool()
    testing.block_signals(true)
    local blocked = status_line("SigBlk")
    assert.not_equal(before, blocked)
    run_one(function() return "" end)
    assert.equal(blocked, status_line("SigBlk"))
  end)

  it("leaves it so when fork fails", function()
    local before = status_line("SigBlk")
    testing.fault("sys.fork:EAGAIN@*")
    pool = assert(core.pool({workers = 1, begin = function() end, handle = function() end}))
    assert.equal(before, status_line("SigBlk"))
  end)

  it("changes no disposition of ours", function()
    local before = {status_line("SigIgn"), status_line("SigCgt")}
    run_one(function() return "" end)
    close_pool()
    assert.same(before, {status_line("SigIgn"), status_line("SigCgt")})
  end)
end)

-- A host of its own, with a pool of two whose workers do this; "started" says that they do.
local HOST = [[
  require("parallel")
  local core = require("parallel.core")
  local testing = core.testing
  local function started(self)
    local file = io.open(%q .. self:index(), "w")
    file:close()
  end
  local pool = core.pool({workers = 2, begin = function() end, handle = function(self)
    %s
  end})
  pool:submit("", 1)
  pool:submit("", 2)
  while true do pool:wait(1000) end
]]

local STATES = {
  ["waiting for work"] = 'started(self) return ""',
  ["busy in Lua"] = "started(self) while true do end",
  ["busy in Lua that catches errors"] = "started(self) while true do pcall(error) end",
  ["busy in C"] = 'started(self) string.find(("a"):rep(100), ("a*"):rep(100) .. "b")',
  ["waiting for a program"] = 'started(self) os.execute("sleep 1000")',
  ["stopped"] = 'started(self) testing.kill(testing.getpid(), "STOP")',
  ["that started programs of its own"] = 'os.execute("sleep 1000 &") started(self) while true do end',
}

local function start_host(work, wrapper)
  local path = files.path("started")
  local script = files.write("host.lua", HOST:format(path, work))
  local host = shell.start({"sh", "-c", (wrapper or "") .. 'exec "$@"', "sh", shell.interpreter(), script})
  while testing.kill(host.pid, "0") and not (files.read(path .. 1) and files.read(path .. 2)) do
    if testing.wait(host.pid, true) then error(files.read(host.stderr)) end
  end
  return host
end

describe("when the parent is killed, a worker", function()
  for state, work in pairs(STATES) do
    it(state .. " ends too", function()
      local host = start_host(work)
      host:kill("KILL")
      assert.equal("SIGKILL", host:wait().signal)
      -- the harness fails this test when anything lives on
    end)
  end

  local function start_with_fault(plan)
    local script = files.write("host.lua", HOST:format(files.path("started"), 'return ""'))
    return shell.start({shell.interpreter(), script}, {env = {PARALLEL_LUA_FAULT = plan}})
  end

  local function wait_for_child(host, state)
    while true do
      assert(not testing.wait(host.pid, true), "the host ended")
      local children = files.read(("/proc/%d/task/%d/children"):format(host.pid, host.pid)) or ""
      for pid in children:gmatch("%d+") do
        if (files.read("/proc/" .. pid .. "/stat") or ""):match("%) " .. state) then return end
      end
    end
  end

  for _, point in ipairs({"child.gate", "child.armed", "worker.begin", "task.begin", "result.begin"}) do
    it("stopped at " .. point .. " ends too", function()
      local host = start_with_fault(point .. ":stop@1")
      wait_for_child(host, "T")
      host:kill("KILL")
      assert.equal("SIGKILL", host:wait().signal)
    end)
  end

  it("not yet at its gate ends there", function()
    local host = start_with_fault("child.gate:delay100@*")
    wait_for_child(host, "S")
    host:kill("KILL")
    assert.equal("SIGKILL", host:wait().signal)
  end)
end)

describe("a host that ignores SIGCHLD", function()
  local function run_host(tasks, plan)
    local script = files.write("host.lua", ([[
      require("parallel")
      local core = require("parallel.core")
      local pool = core.pool({workers = 2, begin = function() end, handle = function(_, payload)
        if payload == "3" then os.exit(1) end
        return payload
      end})
      for i = 1, %d do pool:submit(tostring(i)) end
      local count = {result = 0, death = 0}
      for kind in function() return (pool:wait(5)) end do
        count[kind] = count[kind] + 1
      end
      pool:drain(5)
      print(count.result, count.death)
    ]]):format(tasks))
    return shell.run({"sh", "-c", "trap '' CHLD; exec \"$@\"", "sh", shell.interpreter(), script},
      {env = {PARALLEL_LUA_FAULT = plan}})
  end

  for _, plan in ipairs({"", "sys.pidfd_open:ENOSYS@*"}) do
    it("gets all answers and is told of deaths " .. plan, function()
      assert.same({stdout = "29\t1\n", stderr = "", status = 0}, run_host(30, plan))
    end)
  end
end)
