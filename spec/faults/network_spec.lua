-- What lies between two programs: cables that stop, break and lie, other users, and slow strangers.
local cable = require "spec.support.cable"
local core = require "parallel.core"
local files = require "spec.support.files"
local kept = require "spec.support.kept"
local lfs = require "lfs"
local parallel = require "parallel"
local raised = require("spec.support.trials").raised
local shell = require "spec.support.shell"
local testing = core.testing

local KEY, SOON = "the key of these specs", 20

local keep, start = kept.keep, kept.start

local function finish(process)
  assert.is_true(process:join(SOON))
  assert.equal(0, process.exitcode)
end

local function listen(address) return keep(assert(parallel.Listener{ address = address, authkey = KEY })) end

local function lay_cable(...)
  local line = cable.lay(...)
  return keep(line, line.cut)
end

after_each(function()
  testing.fault(nil)
  kept.close()
  collectgarbage()
end)

local SAID = 72 -- bytes that either says before anything is sealed
local SIZE = 4 -- bytes ahead of each record

-- One bit of a byte on its way in this direction, counted from the end of the handshake.
local function flip(wanted, number)
  local at = SAID + number
  return function(text, direction, passed)
    if direction ~= wanted or at <= passed or at > passed + #text then return text end
    local i = at - passed
    local byte = text:byte(i)
    return text:sub(1, i - 1) .. string.char(byte % 2 == 0 and byte + 1 or byte - 1) .. text:sub(i + 1)
  end
end

-- Until it is so, which the system or another process sees to.
local function await(is_so)
  local deadline = core.clock() + SOON
  while not is_so() do assert.is_true(core.clock() < deadline) end
end

describe("a connection over a cable", function()
  local line, there, other, last_words

  -- `there` is the listener's end; at the other a process says everything back, and why it ended.
  local function connect(spoil)
    local listener = listen("127.0.0.1:0")
    line = lay_cable(listener.address, {spoil = spoil})
    last_words = keep(parallel.Queue())
    other = start(function()
      local c = assert(parallel.Client{ address = line.address, authkey = KEY, timeout = SOON })
      local value, why, how = c:recv(SOON)
      while value ~= nil do
        c:send(value)
        value, why, how = c:recv(SOON)
      end
      last_words:put({why, how})
    end)
    there = keep(assert(listener:accept(SOON)))
    return listener
  end

  after_each(function() line, there, other, last_words = nil, nil, nil, nil end)

  local function finish_other(...)
    assert.same({...}, last_words:get(SOON))
    finish(other)
  end

  it("that is sound carries what it should", function()
    connect()
    there:send({1, "two"})
    assert.same({1, "two"}, there:recv(SOON))
    there:close()
    finish_other("closed")
  end)

  it("that flips a bit on the way here is damaged here", function()
    connect(flip("up", SIZE + 1))
    there:send("there and back")
    assert.same({nil, "closed", "damaged"}, {there:recv(SOON)})
    assert.same({nil, "closed"}, {there:send("more")})
    finish(other)
  end)

  it("that flips a bit on the way there is damaged there", function()
    connect(flip("down", SIZE + 1))
    there:send("there and not back")
    finish_other("closed", "damaged")
    assert.is_nil((there:recv(SOON)))
  end)

  it("that stops is waited for as long as one likes, and goes on where it stopped", function()
    connect()
    line:stop()
    there:send("late")
    assert.same({nil, "timeout"}, {there:recv(0.005)})
    line:go_on()
    assert.equal("late", there:recv(SOON))
    there:close()
    finish_other("closed")
  end)

  it("that stops cannot hold up who sends with a limit", function()
    connect()
    line:stop()
    assert.same({nil, "timeout"}, {there:send(("x"):rep(20000000), 0.005)})
    line:go_on()
    assert.equal(20000000, #there:recv(SOON))
    there:close()
    finish_other("closed")
  end)

  it("that is cut says so to both ends", function()
    connect()
    there:send(1)
    assert.equal(1, there:recv(SOON))
    line:cut()
    assert.same({nil, "closed", "cut off"}, {there:recv(SOON)})
    assert.same({nil, "closed"}, {there:send(1)})
    finish_other("closed", "cut off")
  end)

  it("asks an end that is silent for a sign of life", function()
    local listener = connect()
    local port = ("%04X"):format(listener.address:match("%d+$"))
    -- Of connections (01), by proc(5): what their timer is for (02: a sign of life).
    local pattern = "\n *%d+: %x+:" .. port .. " %x+:%x+ 01 %x+:%x+ 02:"
    await(function() return files.read("/proc/net/tcp"):match(pattern) end)
    there:close()
    finish_other("closed")
  end)
end)

describe("a manager over a cable", function()
  local manager, line, over_there, dict

  local function connect(spoil)
    manager = keep(assert(parallel.Manager{ address = "127.0.0.1:0", authkey = KEY }))
    manager:publish("dict", manager:dict{ a = 1 })
    line = lay_cable(manager.address, {spoil = spoil})
    over_there = assert(parallel.connect{ address = line.address, authkey = KEY })
    dict = over_there:lookup("dict")
  end

  after_each(function() manager, line, over_there, dict = nil, nil, nil, nil end)

  local function assert_lost()
    assert.match("network_spec.lua:%d+: the manager has ended", raised(function() dict.a = 2 end))
    assert.equal(1, manager:lookup("dict").a)
  end

  it("is where its objects are for those beyond, who send them back and to others", function()
    connect()
    assert.match("^dict of the manager at " .. line.address, tostring(dict))
    over_there:publish("the same", dict)
    local list = over_there:list{ dict }
    local writer = start(function() list[1].a = 2 end)
    finish(writer)
    assert.same({2, 2}, {manager:lookup("the same").a, list[1].a})
  end)

  it("that is cut has ended for those beyond, and for nobody else", function()
    connect()
    assert.equal(1, dict.a)
    line:cut()
    assert_lost()
  end)

  it("that is cut while a request is under way says so to who asked", function()
    connect()
    line:stop()
    testing.fault("connection.sent:delay0@1")
    local cutter = testing.fork()
    if cutter == 0 then
      await(function() return testing.fault_acted() == 1 end)
      testing.kill(line.pid, "KILL")
      testing.exit(0)
    end
    assert_lost()
    testing.wait(cutter)
  end)

  it("that flips a bit has ended for those beyond, and for nobody else", function()
    connect(flip("up", 1000))
    assert.match("the manager has ended", raised(function()
      for _ = 1, 10 do dict.b = ("x"):rep(1000) end
    end))
    assert_lost()
  end)
end)

describe("strangers", function()
  it("who say a byte now and then are turned away when their time is over", function()
    local listener = listen(files.path("socket"))
    local raw = keep(testing.dial(listener.address))
    raw:write("P")
    assert.same({nil, "timeout"}, {listener:accept(0)})
    raw:write("L")
    testing.fault("lobby.overdue:EAGAIN@1")
    assert.same({nil, "timeout"}, {listener:accept(0)})
    assert.equal(1, testing.fault_acted())
    assert.equal("", raw:read())
  end)

  it("who are stopped in their handshake delay nobody", function()
    local listener = listen(files.path("socket"))
    testing.fault("client.connected:stop@1")
    local stopped = start(function() parallel.Client{ address = listener.address, authkey = KEY, timeout = SOON } end)
    await(function() return testing.fault_acted() == 1 end)
    local honest = start(function()
      parallel.Client{ address = listener.address, authkey = KEY, timeout = SOON }:send("honest")
    end)
    assert.equal("honest", keep(listener:accept(SOON)):recv(SOON))
    finish(honest)
    stopped:kill()
  end)
end)

-- Only root can be somebody else.
local uid = tonumber(shell.run("id -u").stdout)
local NOBODY = 65534
local describe_foreign = uid == 0 and describe or function(name) pending(name .. " (only root can try)") end

describe_foreign("another user", function()
  -- A place that nobody is kept from by its folders.
  local function open_place()
    local folder = shell.run("mktemp -d /tmp/parallel-lua-open.XXXXXX").stdout:gsub("\n$", "")
    assert(os.execute("chmod 711 " .. folder))
    keep(folder, function() os.execute("rm -rf " .. folder) end)
    return folder .. "/socket"
  end

  -- What f returns in a process of that user.
  local function as_nobody(f)
    local said = keep(parallel.Queue())
    local process = start(function()
      assert(testing.become(NOBODY))
      said:put({f()})
    end)
    return process, function()
      local values = said:get(SOON)
      finish(process)
      return values
    end
  end

  it("cannot connect to a path", function()
    local path = open_place()
    listen(path)
    local _, result = as_nobody(function() return parallel.Client{ address = path, authkey = KEY } == nil, "told" end)
    assert.same({true, "told"}, result())
  end)

  it("is turned away with the right key, though the path were open to all", function()
    local path = open_place()
    local listener = listen(path)
    assert(os.execute("chmod 666 " .. path))
    local client, result = as_nobody(function()
      return parallel.Client{ address = path, authkey = KEY, timeout = SOON } == nil
    end)
    await(function()
      assert.is_nil((listener:accept(0.01)))
      return not client:is_alive()
    end)
    assert.same({true}, result())
  end)

  it("is no listener for us", function()
    local path, ready = open_place(), keep(parallel.Event())
    assert(os.execute("chmod 777 " .. path:match("^(.*)/")))
    local done = keep(parallel.Event())
    local _, result = as_nobody(function()
      local listener = parallel.Listener{ address = path, authkey = KEY }
      ready:set()
      local accepted = listener:accept(0.01)
      done:wait()
      return accepted == nil
    end)
    assert.is_true(ready:wait(SOON))
    local connection, why = parallel.Client{ address = path, authkey = KEY, timeout = SOON }
    assert.is_nil(connection)
    assert.match("cannot connect to ", why)
    done:set()
    assert.same({true}, result())
  end)

  it("has sockets whose paths are not taken over, though nobody listens", function()
    local path = open_place()
    local door = testing.listen(path)
    door:close()
    assert(os.execute(("chown -h %d %s"):format(NOBODY, path)))
    local listener, why = parallel.Listener{ address = path, authkey = KEY }
    assert.is_nil(listener)
    assert.match("cannot listen on ", why)
    assert.equal("socket", lfs.symlinkattributes(path, "mode"))
  end)
end)
