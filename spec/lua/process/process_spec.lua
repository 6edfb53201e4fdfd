local files = require("spec.support.files")
local parallel = require("parallel")
local shell = require("spec.support.shell")
local core = require("parallel.core")
local testing = core.testing

local Process = parallel.Process
local started

local function start(...)
  local p = Process(...)
  p:start()
  started[#started + 1] = p
  return p
end

-- What f returns in a child, as text.
local function in_child(f, ...)
  local box = testing.box(4096)
  local p = start(function(...) box:write(0, tostring(f(...))) end, ...)
  assert.is_true(p:join(5))
  local text = box:read(0, 4096):match("^%Z*")
  box:close()
  assert.equal(0, p.exitcode)
  return text
end

-- A program of its own: what it prints, and how it ends.
local function run(program, options)
  return shell.run({shell.interpreter(), files.write("program.lua", 'local parallel = require("parallel")\n' .. program)},
    options)
end

before_each(function() started = {} end)

after_each(function()
  testing.fault(nil)
  for _, p in ipairs(started) do
    if not p._closed then
      p:kill()
      p:join()
      p:close()
    end
  end
end)

describe("a Process", function()
  it("calls its function with its arguments, in a child", function()
    local pid = testing.getpid()
    assert.equal("a nil 3 true", in_child(function(...)
      local a, b, c = ...
      return ("%s %s %s %s"):format(a, b, c, testing.getpid() ~= pid and select("#", ...) == 3)
    end, "a", nil, 3))
  end)

  it("is made from options as well", function()
    local box = testing.box(10)
    local p = Process({target = function(b, text) b:write(0, text) end, args = {box, "text"}, name = "writer", daemon = true})
    assert.equal("writer", p.name)
    assert.is_true(p.daemon)
    p:start()
    p:join()
    assert.equal("text", box:read(0, 4))
    box:close()
    p:close()
  end)

  it("does nothing when it has nothing to do", function()
    local p = Process({})
    p:start()
    p:join()
    assert.equal(0, p.exitcode)
    p:close()
  end)

  it("runs the run of a subclass, which has its fields", function()
    local Adder = Process:extend()
    function Adder:run() os.exit(self.pid == testing.getpid() and self:sum() or 99) end
    function Adder:sum() return self.a + self.b end
    local Doubler = Adder:extend()
    function Doubler:sum() return 2 * Adder.sum(self) end
    for class, expected in pairs({[Adder] = 7, [Doubler] = 14}) do
      local p = class({a = 3, b = 4, name = "sum"})
      assert.equal("sum", p.name)
      p:start()
      p:join()
      assert.equal(expected, p.exitcode)
      p:close()
    end
  end)

  it("goes through its life", function()
    local p = Process(function() while true do end end)
    assert.is_false(p:is_alive())
    assert.is_nil(p.pid)
    assert.is_nil(p.exitcode)
    assert.match("not started", tostring(p))
    p:start()
    started[1] = p
    assert.is_true(p:is_alive())
    assert.equal("number", type(p.pid))
    assert.is_nil(p.exitcode)
    assert.same({nil, "timeout"}, {p:join(0)})
    assert.same({nil, "timeout"}, {p:join(0.001)})
    p:terminate()
    assert.is_true(p:join())
    assert.equal(-15, p.exitcode)
    assert.is_false(p:is_alive())
    assert.is_true(p:join())
  end)

  it("is started once, and joined when it was started", function()
    local p = start(function() end)
    assert.has_error(function() p:start() end, "a process can be started only once")
    assert.has_error(function() Process(print):join() end, "the process has not been started")
    assert.has_error(function() Process(print):kill() end, "the process has not been started")
  end)

  it("refuses what it cannot be made of", function()
    assert.has_error(function() Process(3) end, "bad argument #1 to 'Process' (function expected, got number)")
    assert.has_error(function() Process({targets = print}) end, "bad argument #1 to 'Process' (unknown option 'targets')")
    assert.has_error(function() Process({target = 1}) end,
      "bad argument #1 to 'Process' (target must be a function, got number)")
    assert.error_matches(function() Process({args = {n = "x"}}) end, "args's n must be a whole number")
  end)

  it("tells how it ended", function()
    for exit, code in pairs({[0] = 0, [3] = 3, [255] = 255}) do
      local p = start(function() os.exit(exit) end)
      p:join()
      assert.equal(code, p.exitcode)
    end
    local ends = {
      [0] = function() os.exit(true) end, [1] = function() os.exit(false) end,
      [-9] = function() testing.kill(testing.getpid(), "KILL") end,
      [-11] = function() testing.kill(testing.getpid(), "SEGV") end,
    }
    for code, f in pairs(ends) do
      local p = start(f)
      p:join()
      assert.equal(code, p.exitcode)
    end
  end)

  it("is killed, be it stopped", function()
    local p = start(function() testing.kill(testing.getpid(), "STOP") end)
    p:kill()
    p:join()
    assert.equal(-9, p.exitcode)
  end)

  it("is interrupted by an error in its code, which it may catch, at any time", function()
    local box = testing.box(10)
    local p = start(function()
      if jit then jit.off() end -- it does not reach into what is compiled
      local ok, why = pcall(function() box:write(0, "!") while true do end end)
      box:write(0, tostring(ok) .. (why:match("interrupted") or ""):sub(1, 4))
    end)
    while box:read(0, 1) ~= "!" do end
    p:interrupt()
    p:join()
    assert.equal(0, p.exitcode)
    assert.equal("falseinte", box:read(0, 9))
    box:close()
  end)

  it("is interrupted while it waits, whenever that began", function()
    for _ = 1, 20 do
      local a, b = parallel.Pipe()
      local function wait()
        a:send("begins to wait")
        a:recv()
      end
      local p = start(function() a:send({pcall(wait)}) end)
      b:recv()
      p:interrupt()
      assert.is_false(b:recv(5)[1])
      p:join()
      a:close()
      b:close()
    end
  end)

  it("that has ended can be signalled in vain", function()
    local p = start(function() end)
    p:join()
    p:terminate()
    p:kill()
    p:interrupt()
    assert.equal(0, p.exitcode)
  end)

  it("has a descriptor that tells of its end", function()
    local p = start(function() os.exit(4) end)
    assert.same({p}, parallel.wait({p}, 5))
    assert.same({p.sentinel}, parallel.wait({p.sentinel}, 5))
    assert.equal(4, p.exitcode)
    local busy = start(function() while true do end end)
    assert.same({}, parallel.wait({busy}, 0))
    assert.same({p}, parallel.wait({busy, p}))
  end)

  it("is closed when it has ended, and then of no use", function()
    local p = start(function() while true do end end)
    assert.has_error(function() p:close() end, "cannot close a process that still runs: join or terminate it")
    p:kill()
    p:join()
    p:close()
    p:close()
    assert.has_error(function() p:join() end, "attempt to use a closed process")
    assert.has_error(function() p:start() end, "attempt to use a closed process")
    assert.equal(-9, p.exitcode)
  end)

  it("has a name of its own unless it is given one, in children too", function()
    local a, b = Process(print), Process(print)
    local n = tonumber(a.name:match("^Process%-(%d+)$"))
    assert.equal("Process-" .. n + 1, b.name)
    assert.equal("Process-" .. n + 2 .. ":1", in_child(function() return parallel.Process(print).name end))
  end)

  it("knows itself and its parent", function()
    local pid = testing.getpid()
    assert.equal("me true " .. pid, in_child(function()
      local p = Process({name = "me", daemon = true, target = function(box)
        local here = parallel.current_process()
        box:write(0, ("%s %s %d"):format(here.name, tostring(here.daemon), pid))
        if parallel.parent_process().pid ~= here.parent_pid then os.exit(1) end
      end})
      local box = testing.box(100)
      p._args = {box, n = 1}
      p:start()
      p:join()
      return box:read(0, 100):match("^%Z*")
    end))
    assert.is_nil(parallel.parent_process())
  end)

  it("has its parent's key unless it is given one", function()
    local key = parallel.current_process().authkey
    assert.equal(32, #key)
    assert.equal(key, Process(print).authkey)
    assert.equal("true", in_child(function() return parallel.current_process().authkey == key end))
  end)

  it("becomes a daemon before its start only", function()
    local p = Process(function() end)
    p.daemon = true
    p:start()
    started[1] = p
    assert.has_error(function() p.daemon = false end, "a process can become a daemon only before it is started")
    assert.has_error(function() p.exitcode = 3 end, "the field 'exitcode' of a process cannot be set")
  end)

  it("draws random numbers of its own, and reads nothing from stdin", function()
    local function draw() return math.random(1e9) end
    assert.not_equal(in_child(draw), in_child(draw))
    assert.equal("nil", in_child(function() return (io.read()) end))
  end)

  it("has SIGTERM as it is by default, and no signal blocked", function()
    testing.block_signals(true)
    local p = start(function() while true do end end)
    testing.block_signals(false)
    p:terminate()
    p:join()
    assert.equal(-15, p.exitcode)
  end)

  it("starts processes itself, daemons too", function()
    assert.equal("12", in_child(function()
      local inner = Process({target = function() os.exit(12) end, daemon = true})
      inner:start()
      inner:join()
      return inner.exitcode
    end))
  end)

  it("belongs to whoever started it", function()
    local p = start(function() while true do end end)
    assert.match("this process is a child of process " .. testing.getpid(),
      in_child(function() return (select(2, pcall(p.is_alive, p))) end))
    assert.is_true(p:is_alive())
  end)

  it("keeps the files that it can get at, and closes others", function()
    local path = files.write("log", "")
    local mine, other = io.open(path, "a"), io.open(path, "a")
    local names = in_child(function()
      mine:write("from the child\n")
      local n = 0
      for _ in shell.run("ls -l /proc/$PPID/fd").stdout:gmatch("/log\n") do n = n + 1 end
      return n
    end)
    mine:close()
    other:close()
    assert.equal("1", names)
    assert.equal("from the child\n", files.read(path))
  end)

  for _, plan in ipairs({"sys.pidfd_open:ENOSYS@*", "sys.pidfd_open:EMFILE@2", "sys.poll:EINTR@1", "sys.waitid:EINTR@1",
                         "sys.pidfd_send_signal:ENOSYS@*", "process.done:delay5@1",
                         "sys.pidfd_open:EMFILE@2,sys.pidfd_open:EMFILE@3"}) do -- each once it is started
    it("lives as it should with " .. plan, function()
      testing.fault(plan)
      local p = start(function() os.exit(5) end)
      assert.is_true(p:join())
      assert.equal(5, p.exitcode)
      local busy = start(function() while true do end end)
      assert.same({nil, "timeout"}, {busy:join(0.01)})
      busy:terminate()
      assert.is_true(busy:join(5))
      assert.equal(-15, busy.exitcode)
    end)
  end

  it("has ended with 255 when somebody else has heard how", function()
    local p = start(function() os.exit(3) end)
    assert.same({"exit", 3}, {testing.wait(p.pid)})
    assert.is_true(p:join())
    assert.equal(255, p.exitcode)
  end)

  it("has no descriptor that tells of its end when there was none to be had", function()
    testing.fault("sys.pidfd_open:EMFILE@2")
    local p = start(function() end)
    local has_pipe = (os.getenv("PARALLEL_LUA_CIRCUMSTANCES") or ""):find("pidfd") -- as on kernels without pidfd
    assert.equal(has_pipe ~= nil, p.sentinel ~= nil)
    assert.is_true(p:join(1e7))
  end)

  for _, plan in ipairs({"sys.fork:EAGAIN@1", "sys.pipe2:EMFILE@1", "sys.mmap:ENOMEM@1",
                         "sys.pidfd_open:ENOSYS@*,sys.pipe2:EMFILE@1"}) do
    it("leaves nothing behind when it cannot be started: " .. plan, function()
      local p = Process(function() end)
      testing.fault(plan)
      assert.error_matches(function() p:start() end, "cannot start a process: ")
      testing.fault(nil)
      p:start()
      p:join()
      assert.equal(0, p.exitcode)
      p:close()
    end)
  end

  for _, point in ipairs({"sys.realloc", "buffer.reserve"}) do
    it("is started or leaves nothing behind, whichever allocation fails: " .. point, function()
      local queue, n, acted = parallel.Queue(), 0 -- which the child keeps
      repeat
        n = n + 1
        local p = Process(function() return queue end)
        testing.fault(("sys.pidfd_open:ENOSYS@*,%s:ENOMEM@%d"):format(point, n))
        local before = testing.fault_acted()
        local ok, why = pcall(p.start, p)
        acted = testing.fault_acted() - before
        testing.fault(nil)
        if not ok then
          assert.match("memory", why)
          p:start()
        end
        p:join()
        assert.equal(0, p.exitcode)
        p:close()
      until ok and n > 30 or acted == 0
      assert.is_true(n > 2)
      queue:close()
    end)
  end

  for _, point in ipairs({"child.gate", "child.armed", "process.begin", "process.done", "child.leave"}) do
    it("that is killed at " .. point .. " has ended", function()
      testing.fault(point .. ":kill@1")
      local p = start(function() end)
      p:interrupt()
      assert.is_true(p:join(5))
      assert.equal(-9, p.exitcode)
    end)
  end
end)

describe("parallel.active_children", function()
  it("lists those that run, and takes note of those that have ended", function()
    assert.same({}, parallel.active_children())
    local a = start(function() while true do end end)
    local b = start(function() end)
    parallel.wait({b})
    assert.same({a.pid}, {parallel.active_children()[1].pid})
    assert.equal(1, #parallel.active_children())
    assert.equal("0", in_child(function() return #parallel.active_children() end))
    a:kill()
    a:join()
    assert.same({}, parallel.active_children())
  end)
end)

describe("a program with processes", function()
  it("prints an error with the name and the traceback of the process, and goes on", function()
    local result = run([[
      local p = parallel.Process({name = "worse", target = function() error("no good") end})
      p:start()
      p:join()
      print(p.exitcode)
    ]])
    assert.equal("1\n", result.stdout)
    assert.equal(0, result.status)
    assert.match("^Process worse:\n[^\n]*program.lua:2: no good\nstack traceback:\n\t%[C%]: in function 'error'\n", result.stderr)
    assert.not_match("parallel/process", result.stderr)
  end)

  it("prints why a process had no memory to go on, and goes on", function()
    if (os.getenv("LD_PRELOAD") or "") ~= "" then pending("a sanitizer needs more than any limit") end
    local script = files.write("program.lua", [[
      local parallel = require("parallel")
      local p = parallel.Process({name = "greedy", target = function() return ("x"):rep(1000 * 1000 * 1000) end})
      p:start()
      p:join()
      print(p.exitcode)
    ]])
    local result = shell.run({"sh", "-c", 'ulimit -v 400000; exec "$@"', "sh", shell.interpreter(), script})
    assert.same({status = 0, stdout = "1\n", stderr = "Process greedy:\nnot enough memory\n"}, result)
  end)

  it("prints nothing twice, and all that its children print", function()
    assert.same({stdout = "before\nin the child\nafter exit\nafter\n", stderr = "", status = 0}, run([[
      io.stdout:setvbuf("full")
      io.write("before\n")
      local p = parallel.Process(function() io.write("in the child\n") end)
      p:start() p:join()
      local q = parallel.Process(function() io.write("after exit\n") os.exit(0) end)
      q:start() q:join()
      io.write("after\n")
    ]]))
  end)

  it("writes what a child has in its own files when that exits", function()
    local path = files.path("out")
    run(([[
      local p = parallel.Process(function() local out = io.open(%q, "w") out:write("text") os.exit(0) end)
      p:start()
    ]]):format(path))
    assert.equal("text", files.read(path))
  end)

  for how, ending in pairs({["at its end"] = "", ["by os.exit"] = "os.exit(3)", ["by os.exit that closes"] = "os.exit(3, true)",
                            ["by an error"] = "error('stop')"}) do
    it("waits for its children when it leaves " .. how, function()
      local result = run([[
        io.stdout:setvbuf("no")
        local printed = parallel.Event()
        local child = parallel.Process(function()
          printed:wait()
          os.execute("sleep 0.05")
          print("child is done")
        end)
        child:start()
        print("main is done")
        printed:set()
      ]] .. ending)
      assert.equal("main is done\nchild is done\n", result.stdout)
      assert.equal(how == "at its end" and 0 or how == "by an error" and 1 or 3, result.status)
    end)

    it("ends its daemons when it leaves " .. how, function()
      local result = run([[
        local p = parallel.Process({daemon = true, target = function() while true do end end})
        p:start()
        local deaf = parallel.Process({daemon = true, target = function() os.execute("sleep 1000") end})
        deaf:start()
      ]] .. ending)
      assert.equal(how == "at its end" and 0 or how == "by an error" and 1 or 3, result.status)
      -- the harness fails this test when one lives on
    end)
  end

  it("kills daemons that do not listen, after a second for all of them", function()
    assert.same({status = 0, stdout = "", stderr = ""}, run([[
      local testing = require("parallel.core").testing
      for _ = 1, 2 do
        local p = parallel.Process({daemon = true, target = function()
          testing.block_signals(true)
          while true do end
        end})
        p:start()
      end
    ]], {env = {PARALLEL_LUA_FAULT = "sys.poll:EINTR@1"}}))
    -- the harness fails this test when one lives on
  end)

  it("waits for what its children started, too", function()
    assert.equal("grandchild is done\n", run([[
      local outer = parallel.Process(function()
        local inner = parallel.Process(function() os.execute("sleep 0.05") print("grandchild is done") end)
        inner:start()
      end)
      outer:start()
    ]]).stdout)
  end)

  it("leaves nothing behind when it is killed, whatever its children do", function()
    local path = files.path("started")
    local script = files.write("program.lua", ([[
      local parallel = require("parallel")
      local function note(n) io.open(%q .. n, "w"):close() end
      local p = parallel.Process(function()
        local q = parallel.Process(function() note(1) while true do pcall(error) end end)
        q:start()
        note(2)
        os.execute("sleep 1000")
      end)
      p:start()
      while true do end
    ]]):format(path))
    local host = shell.start({shell.interpreter(), script})
    while not (files.read(path .. 1) and files.read(path .. 2)) do
      assert(testing.wait(host.pid, true) == false, "the program ended")
    end
    host:kill("KILL")
    assert.equal("SIGKILL", host:wait().signal)
    -- the harness fails this test when anything lives on
  end)
end)
