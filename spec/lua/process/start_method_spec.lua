local parallel = require "parallel"
local core = require "parallel.core"
local files = require "spec.support.files"
local shell = require "spec.support.shell"
local testing = core.testing
local trials = require "spec.support.trials"

local raised = trials.raised
local METHODS = parallel.get_all_start_methods()
local pool

local function open(options)
  pool = parallel.Pool(options)
  return pool
end

local function children()
  local pids = {}
  for pid in files.read("/proc/thread-self/children"):gmatch("%d+") do pids[#pids + 1] = tonumber(pid) end
  return pids
end

-- Under the template method: the child of ours that is no worker.
local function template_pid(before)
  local known = {}
  for _, pid in ipairs(before) do known[pid] = true end
  for _, worker in ipairs(pool:stats()) do known[worker.pid] = true end
  for _, pid in ipairs(children()) do
    if not known[pid] then return pid end
  end
end

local function close_pool()
  parallel.set_start_method("fork")
  parallel.set_executable(nil)
  if pool then pool:close() end
  pool = nil
end

describe("start methods", function()
  after_each(close_pool)

  it("are fork, template and spawn, the first by default", function()
    assert.same({"fork", "template", "spawn"}, METHODS)
    assert.equal("fork", parallel.get_start_method())
  end)

  it("are refused when unknown, whoever asks for one", function()
    local message = "^spec/.*: start method 'thread' is not available %(fork, template, spawn%)$"
    assert.match(message, raised(function() parallel.set_start_method("thread") end))
    assert.match(message, raised(function() parallel.get_context("thread") end))
    assert.match(message, raised(function() parallel.Pool({start_method = "thread"}) end))
  end)

  it("are set for all pools that do not say otherwise", function()
    parallel.set_start_method("spawn")
    assert.equal("spawn", parallel.get_start_method())
    _G.inherited = true
    assert.is_nil(open(1):apply(function() return _G.inherited end))
    pool:close()
    assert.is_true(open({workers = 1, start_method = "fork"}):apply(function() return _G.inherited end))
    _G.inherited = nil
  end)
end)

describe("a context", function()
  after_each(close_pool)

  it("is the library with a start method of its own", function()
    local context = parallel.get_context("spawn")
    _G.inherited = true
    pool = context.Pool(1)
    assert.is_nil(pool:apply(function() return _G.inherited end))
    assert.same({false, n = 1}, context.map(function() return _G.inherited == true end, {1}, {workers = 1}))
    _G.inherited = nil
    assert.equal(parallel.words, context.words)
    assert.equal("spawn", context.get_start_method())
    assert.equal("fork", parallel.get_start_method())
  end)
end)

for _, method in ipairs({"template", "spawn"}) do
  describe("a worker by " .. method, function()
    after_each(function()
      testing.fault(nil)
      testing.setenv("PARALLEL_LUA_FAULT", nil)
      close_pool()
    end)

    it("has initializer, finalizer and what they capture as they were when the pool was made", function()
      local path, word = os.getenv("TMPDIR") .. "/said", "early"
      open({workers = 1, start_method = method,
        initializer = function(more) _G.said = word .. more end, initargs = {"!"},
        finalizer = function()
          local file = io.open(path, "w")
          file:write(_G.said)
          file:close()
        end})
      word = "late"
      pool:close()
      assert.equal("early!", files.read(path))
      os.remove(path)
    end)

    it("finds modules where this process does", function()
      local path, before = files.write("found.lua", "return {answer = 42}"), package.path
      package.path = path:gsub("found", "?") .. ";" .. package.path
      open({workers = 1, start_method = method})
      package.path = before
      assert.equal(42, pool:apply(function() return require("found").answer end))
    end)

    it("that comes later knows the functions that others were told of", function()
      open({workers = 1, start_method = method})
      local k = 3
      local function f(x) return x * k end
      assert.equal(6, pool:apply(f, 2))
      raised(pool.apply, pool, function() testing.kill(core.pid(), "KILL") end)
      assert.equal(9, pool:apply(f, 3))
    end)

    it("is told more than fits into a pipe", function()
      local big = ("x"):rep(1e6)
      open({workers = 2, start_method = method, initializer = function() _G.big = big end})
      assert.equal(1e6, pool:apply(function() return #_G.big end))
    end)

    it("says what cannot be sent to it", function()
      local thread = coroutine.create(print)
      local failure = raised(parallel.Pool, {workers = 1, start_method = method,
        initializer = function() return thread end})
      assert.equal("unsendable", failure.kind)
      assert.match("initializer.*a coroutine cannot leave its process", tostring(failure))
    end)

    it("whose initializer fails has the pool raise that", function()
      local failure = raised(parallel.Pool, {workers = 1, start_method = method,
        initializer = function() error("no licence") end})
      assert.match("cannot start any worker: .*no licence", tostring(failure))
    end)

    it("that dies before it is ready is replaced, until there is no hope", function()
      testing.setenv("PARALLEL_LUA_FAULT", "letter.read:kill@*")
      open({workers = 1, start_method = method})
      assert.match("cannot start any worker: the workers end before they are ready",
        tostring(raised(pool.apply, pool, math.abs, 1)))
      pool:terminate()
    end)

    it("that cannot read what it is told is replaced, until there is no hope", function()
      testing.setenv("PARALLEL_LUA_FAULT", "sys.recvmsg:EIO@" .. (method == "spawn" and "1" or "2+"))
      open({workers = 1, start_method = method})
      assert.match("cannot start any worker: %S", tostring(raised(pool.apply, pool, math.abs, 1)))
      pool:terminate()
    end)

    for _, fault in ipairs({"sys.pipe2:EMFILE@1", "sys.socketpair:EMFILE@1", "sys.posix_spawnp:EAGAIN@1",
      "sys.sendmsg:EPIPE@1", "sys.memfd_create:ENOSYS@*", "sys.pidfd_open:ENOSYS@*",
      "sys.sendmsg:EINTR@1", "sys.posix_spawnp:ENOMEM@1", "sys.recvmsg:EINTR@1", "sys.poll:EINTR@1",
      "sys.waitid:EINTR@1", "sys.sendmsg:ECONNRESET@1", "sys.recvmsg:ECONNRESET@1", "sys.poll:ENOMEM@1"}) do
      it("comes in spite of " .. fault, function()
        testing.fault(fault)
        open({workers = 1, start_method = method})
        assert.equal(1, pool:apply(math.abs, -1))
      end)
    end

    it("leaves nothing behind when there is no memory at some time", function()
      for n = 1, 40 do
        testing.fault("sys.realloc:ENOMEM@" .. n)
        local ok, made = pcall(parallel.Pool, {workers = 1, start_method = method})
        if ok then
          pcall(made.apply, made, math.abs, 1)
          made:terminate()
        end
        testing.fault(nil)
      end
      assert.equal(1, open({workers = 1, start_method = method}):apply(math.abs, 1))
    end)

    it("has its own channel open, and nothing else of ours", function()
      local secret = io.open(files.write("secret", ""))
      local names = open({workers = 1, start_method = method}):apply(function()
        local lfs, list = require("lfs"), {}
        for name in lfs.dir("/proc/self/fd") do
          list[#list + 1] = lfs.symlinkattributes("/proc/self/fd/" .. name, "target")
        end
        return list
      end)
      secret:close()
      local all = table.concat(names, "\n")
      assert.not_match("secret", all, 1, true)
      assert.not_match("desk", all, 1, true) -- which it might cut off under us
      local _, sockets = all:gsub("socket:", "")
      assert.equal(1, sockets)
    end)

    it("ends with this process, however that ends, with all that it started", function()
      local script = files.write("parent.lua", ([[
        local parallel = require("parallel")
        local pool = parallel.Pool({workers = 2, start_method = "%s"})
        pool:broadcast(function() end)
        for _ = 1, 2 do pool:submit(function() os.execute("sleep 1000 & echo started"); while true do end end) end
        while true do pool:step() end
      ]]):format(method))
      local command = shell.start({shell.interpreter(), script})
      while select(2, files.read(command.stdout):gsub("started", "")) < 2 do core.poll({}, 0.005) end
      command:kill("KILL")
      assert.equal("SIGKILL", command:wait().signal) -- the harness sees what is left
    end)
  end)
end

describe("the template", function()
  after_each(close_pool)

  local function open_counting(options)
    local before = children()
    options.start_method = "template"
    open(options):broadcast(function() end)
    return before
  end

  it("is replaced when it was killed, and what it made lives on", function()
    local before = open_counting({workers = 1})
    local worker = pool:apply(core.pid)
    testing.kill(assert(template_pid(before)), "KILL")
    assert.equal(worker, pool:apply(core.pid))
    pool:resize(2)
    assert.equal(2, #pool:broadcast(core.pid))
  end)

  it("that dies before it could tell of what it made takes that with it", function()
    finally(function() testing.setenv("PARALLEL_LUA_FAULT", nil) end)
    testing.setenv("PARALLEL_LUA_FAULT", "template.made:kill@2")
    open_counting({workers = 3})
    local pids = pool:broadcast(core.pid)
    for i, worker in ipairs(pool:stats()) do assert.equal(worker.pid, pids[i]) end
    testing.kill(pids[2], "KILL")
    assert.not_equal(pids[2], pool:broadcast(core.pid)[2])
  end)

  for fault, text in pairs({["sys.recvmsg:EIO@1"] = "Connection reset by peer", ["sys.sendmsg:EPIPE@1"] = "Broken pipe",
    ["sys.fcntl:EMFILE@2+"] = "the workers end before they are ready"}) do
    it("that cannot make workers for " .. fault .. " is said so", function()
      finally(function() testing.setenv("PARALLEL_LUA_FAULT", nil) end)
      testing.setenv("PARALLEL_LUA_FAULT", fault)
      open({workers = 1, start_method = "template"})
      assert.match("cannot start any worker: " .. text, tostring(raised(pool.apply, pool, math.abs, -1)))
      pool:terminate()
    end)
  end

  for _, fault in ipairs({"sys.recvmsg:EINTR@1", "sys.sendmsg:EINTR@1", "sys.clone_sibling:EAGAIN@1",
    "sys.fcntl:EMFILE@2", "sys.fcntl:EMFILE@4", "sys.close_range:ENOSYS@*"}) do
    it("makes workers in spite of " .. fault, function()
      finally(function() testing.setenv("PARALLEL_LUA_FAULT", nil) end)
      testing.setenv("PARALLEL_LUA_FAULT", fault)
      open({workers = 1, start_method = "template"})
      assert.equal(1, pool:apply(math.abs, -1))
    end)
  end

  it("is shared by pools, and ends with the last", function()
    local before = open_counting({workers = 1})
    local template, first = template_pid(before), pool
    open_counting({workers = 1})
    first:close()
    assert.is_truthy(testing.kill(template, "0"))
    pool:close()
    assert.is_nil((testing.kill(template, "0")))
    assert.same(before, children())
  end)

  it("makes children of this process, which hold locks under their own numbers", function()
    open_counting({workers = 1})
    local parent, owner = pool:apply(function()
      local inner = require("parallel.core")
      return inner.parent_pid(), inner.testing.lock_owner()
    end)
    assert.equal(core.pid(), parent)
    assert.equal(pool:stats()[1].pid, owner)
  end)
end)

describe("the interpreter of fresh processes", function()
  after_each(close_pool)

  it("is the one that was named", function()
    parallel.set_executable(shell.program())
    local program = open({workers = 1, start_method = "spawn"}):apply(core.executable)
    assert.match("/bin/parallel%-lua", program)
  end)

  it("is asked for when the program is none and $PATH has none", function()
    local host = files.path("host")
    os.execute(("cp '%s' '%s'"):format(core.executable(), host))
    local script = files.write("script.lua", [[
      print(pcall(require("parallel").Pool, {workers = 1, start_method = "spawn"}))]])
    local result = shell.run({host, script}, {env = {PATH = "/nonexistent"}})
    assert.match("cannot start a fresh interpreter: .*/host is none.*name one with parallel.set_executable", result.stdout)
  end)

  it("that cannot be run is said so", function()
    parallel.set_executable("/nonexistent/lua5.4")
    open({workers = 1, start_method = "spawn"})
    assert.match("cannot start any worker: No such file or directory", tostring(raised(pool.apply, pool, math.abs, 1)))
    pool:terminate()
  end)

  it("is parallel-lua itself in its scripts, where the library is a global", function()
    local script = files.write("script.lua", [[
      for _, method in ipairs(parallel.get_all_start_methods()) do
        local pool = parallel.Pool({workers = 1, start_method = method})
        print(method, pool:apply(function(x) return parallel.worker_info().id + x end, 1))
        pool:close()
      end]])
    local result = shell.run({shell.program(), script})
    assert.same({status = 0, stdout = "fork\t2\ntemplate\t2\nspawn\t2\n", stderr = ""}, result)
  end)
end)
