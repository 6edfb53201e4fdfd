local files = require("spec.support.files")
local kept = require("spec.support.kept")
local leaks = require("spec.support.leaks")
local parallel = require("parallel")
local shell = require("spec.support.shell")
local core = require("parallel.core")
local testing = core.testing

local Pipe = parallel.Pipe
local keep, start = kept.keep, kept.start
local a, b

-- The children of specs can get at all that the specs can, by way of busted. So
-- what depends on what a child keeps is tried in a program of its own.
local function run(program)
  local text = 'local parallel = require("parallel")\nlocal a, b = parallel.Pipe()\n' .. program
  return shell.run({shell.interpreter(), files.write("program.lua", text)}).stdout
end

before_each(function() a, b = Pipe() end)

after_each(function()
  a:close()
  b:close()
  a, b = nil, nil
  kept.close()
end)

describe("a pipe", function()
  it("carries values both ways, in order", function()
    for _, value in ipairs({1, 1.5, "text", true, false, {1, {x = "y"}}}) do
      assert.is_true(a:send(value))
      assert.is_true(b:send({value}))
      assert.same(value, b:recv())
      assert.same({value}, a:recv())
    end
    for i = 1, 100 do a:send(i) end
    for i = 1, 100 do assert.equal(i, b:recv()) end
  end)

  it("carries values of every kind", function()
    local objects = {{1, 2.5, "\0"}, {a = {b = {}}}, [true] = false}
    objects.self = objects
    a:send(objects)
    local copy = b:recv()
    assert.equal(copy, copy.self)
    copy.self, objects.self = nil, nil
    assert.same(objects, copy)
  end)

  it("carries functions and what they capture", function()
    local factor = 3
    a:send(function(x) return x * factor end)
    assert.equal(12, b:recv()(4))
  end)

  it("goes one way when it is not duplex", function()
    local receiver, sender = Pipe(false)
    keep(receiver)
    keep(sender)
    sender:send("x")
    assert.equal("x", receiver:recv())
    assert.error_matches(function() receiver:send("x") end, "this end of the pipe only receives")
    assert.error_matches(function() receiver:send_bytes("x") end, "this end of the pipe only receives")
    assert.error_matches(function() sender:recv() end, "this end of the pipe only sends")
    assert.error_matches(function() sender:poll() end, "this end of the pipe only sends")
  end)

  it("carries no nil", function()
    assert.error_matches(function() a:send(nil) end, "cannot send nil")
    assert.error_matches(function() a:send() end, "cannot send nil")
    assert.match("connection_spec.lua:%d+: ", (select(2, pcall(function() a:send(nil) end))))
    assert.is_false(b:poll())
  end)

  it("sends nothing of what cannot be sent, and goes on", function()
    assert.error_matches(function() a:send({x = {coroutine.create(print)}}) end,
      "x%[1%]: a coroutine cannot leave its process")
    a:send("next")
    assert.equal("next", b:recv())
  end)

  it("cannot be made without descriptors", function()
    testing.fault("sys.socketpair:EMFILE@1")
    local one, why = Pipe()
    assert.is_nil(one)
    assert.match("cannot make a pipe: Too many open files", why)
  end)
end)

describe("recv", function()
  it("waits no longer than it may", function()
    assert.same({nil, "timeout"}, {b:recv(0)})
    assert.same({nil, "timeout"}, {b:recv(-1)})
    assert.same({nil, "timeout"}, {b:recv(0.001)})
  end)

  it("tells that the other end is closed, after all it had sent", function()
    a:send("last")
    a:close()
    assert.equal("last", b:recv())
    for _ = 1, 2 do assert.same({nil, "closed"}, {b:recv()}) end
    assert.same({nil, "closed"}, {b:recv_bytes()})
    assert.same({nil, "closed"}, {b:recv(0)})
  end)

  it("keeps what came of a message when its time runs out", function()
    testing.fault("channel.sent:stop@1")
    local message = ("x"):rep(1e6)
    local p = start(function()
      a:send_bytes(message)
      a:send("more")
    end)
    parallel.wait({b}) -- a part of it is there: the sender has stopped itself
    for _ = 1, 3 do assert.same({nil, "timeout"}, {b:recv(0.001)}) end
    testing.kill(p.pid, "CONT")
    assert.is_true(b:recv() == message)
    assert.equal("more", b:recv())
  end)

  it("gives nothing of a message whose sender died in the middle of it", function()
    testing.fault("connection.full:killchild@1")
    local p = start(function() a:send_bytes(("x"):rep(1e7)) end)
    a:close()
    p:join()
    assert.equal(-9, p.exitcode)
    assert.same({nil, "closed"}, {b:recv()})
  end)

  it("takes a message that cannot be decoded, and goes on with the next", function()
    parallel.register_type("spec.bad", {}, {load = function() error("no such thing") end})
    local Bad = {}
    parallel.register_type("spec.bad", Bad, {dump = function() return 1 end, load = function() error("bad thing") end})
    a:send(setmetatable({}, Bad))
    a:send("next")
    assert.error_matches(function() b:recv() end, "bad thing")
    assert.equal("next", b:recv())
  end)
end)

describe("what a connection is not for", function()
  it("is refused", function()
    for _, call in ipairs({
      function() a:recv(0 / 0) end, function() a:recv_bytes(-1) end, function() a.recv(1) end,
      function() a.recv(io.stdout) end, function() a:poll(0 / 0) end,
    }) do assert.has_error(call) end
    assert.is_nil(a.nothing)
  end)

  it("is done by none but its owner", function()
    local refused = testing.fork()
    if refused == 0 then
      local ok, why = pcall(a.send, a, 1)
      testing.exit(not ok and why:find("belongs to process") and 0 or 1)
    end
    assert.same({"exit", 0}, {testing.wait(refused)})
  end)

  it("crosses in one direction too", function()
    local receiver, sender = Pipe(false)
    local pool = keep(parallel.Pool(1))
    sender:send("x")
    assert.equal("x", pool:apply(function(c) return c:recv(5) end, receiver))
    receiver:close()
    sender:close()
  end)
end)

describe("poll", function()
  it("tells whether there is a message, without waiting unless asked to", function()
    assert.is_false(b:poll())
    assert.is_false(b:poll(0.001))
    a:send(1)
    assert.is_true(b:poll())
    assert.is_true(b:poll(5))
    assert.equal(1, b:recv(0))
    assert.is_false(b:poll())
  end)

  it("tells of a closed end, which recv does too", function()
    a:close()
    assert.is_true(b:poll())
    assert.is_true(b:poll(5))
  end)
end)

describe("bytes", function()
  it("go as they are, or a part of them", function()
    local s = "a\0bcdef"
    a:send_bytes(s)
    assert.equal(s, b:recv_bytes())
    for _, range in ipairs({{2}, {2, 3}, {-3}, {-3, -2}, {0, 2}, {5, 100}, {3, 2}, {100}, {1, 0}, {-100, 2}}) do
      a:send_bytes(s, range[1], range[2])
      assert.equal(s:sub(range[1], range[2] or -1), b:recv_bytes())
    end
    assert.equal("text", a:send_bytes("text") and b:recv())
  end)

  it("that are too long are not read, and the connection is closed", function()
    a:send_bytes("123")
    a:send_bytes("12345")
    assert.equal("123", b:recv_bytes(3))
    assert.same({nil, "too long"}, {b:recv_bytes(4)})
    assert.is_true(b.closed)
    assert.same({nil, "closed"}, {a:recv()})
  end)

  it("are waited for no longer than they may be", function()
    assert.same({nil, "timeout"}, {b:recv_bytes(10, 0.001)})
    assert.same({nil, "timeout"}, {b:recv_bytes(nil, 0)})
  end)
end)

describe("send", function()
  it("tells that the other end is closed, and no signal does", function()
    b:close()
    for _ = 1, 2 do assert.same({nil, "closed"}, {a:send("x")}) end
    assert.same({nil, "closed"}, {a:send_bytes(("x"):rep(1e6))})
  end)

  it("of big messages from both ends at once ends", function()
    local big = ("x"):rep(5e6)
    local p = start(function()
      for i = 1, 3 do b:send(big .. i) end
      for i = 1, 3 do
        if b:recv() ~= big .. i then os.exit(1) end
      end
    end)
    for i = 1, 3 do assert.is_true(a:send(big .. i)) end
    for i = 1, 3 do assert.is_true(a:recv() == big .. i) end
    p:join()
    assert.equal(0, p.exitcode)
  end)

  it("ends when the other end is closed in the middle of it", function()
    local p = start(function() b:recv_bytes(10) end)
    b:close()
    assert.same({nil, "closed"}, {a:send_bytes(("x"):rep(1e7))})
    p:join()
  end)

  it("that is interrupted is finished by the next, so that nothing is torn", function()
    local p = start(function()
      if jit then jit.off() end
      local ok = pcall(function()
        a:send_bytes(("x"):rep(5e6))
        while true do core.pid() end -- should it have come to its end first
      end)
      a:send(ok)
    end)
    parallel.wait({b}) -- it has begun, and waits for room
    p:interrupt()
    assert.equal(5e6, #b:recv())
    assert.is_false(b:recv())
    p:join()
  end)
end)

describe("a connection", function()
  it("is closed once for all", function()
    local fd = a:fileno()
    assert.equal("number", type(fd))
    assert.is_false(a.closed)
    a:close()
    a:close()
    assert.is_true(a.closed)
    for _, method in ipairs({"send", "recv", "poll", "fileno", "send_bytes", "recv_bytes"}) do
      assert.error_matches(function() a[method](a, "x") end, "attempt to use a closed connection")
    end
  end)

  it("is closed when it is collected", function()
    a = nil
    leaks.collect_until(function() return b:poll(0) end)
    assert.same({nil, "closed"}, {b:recv()})
    a = b
  end)

  it("is kept by a child that can get at it, and by no other", function()
    assert.equal("from the child\nnil closed true\n", run([[
      local p = parallel.Process(function() b:send("from the child") end)
      local idle = parallel.Process({daemon = true, target = function() while true do end end})
      p:start()
      idle:start()
      b:close()
      print((a:recv()))
      local value, why = a:recv(5)
      print(value, why, idle:is_alive())
    ]]):gsub("\t", " "))
  end)

  for what, program in pairs({
    ["in its arguments"] = "parallel.Process(function(box) box.deep[1]:send('x') end, {deep = {b}})",
    ["as a key, or in a metatable"] = [[parallel.Process(function(t)
        next(t):send(getmetatable(t).__index == b and "x" or "y") end, setmetatable({[b] = true}, {__index = b}))]],
    ["by its upvalues' upvalues"] = [[(function()
        local function send() b:send("x") end
        return parallel.Process(function() send() end)
      end)()]],
    ["by a global"] = "(function() kept = b; return parallel.Process(function() kept:send('x') end) end)()",
    ["by its fields"] = [[(function()
        local class = parallel.Process:extend()
        function class:run() self.to:send("x") end
        return class({to = b})
      end)()]],
  }) do
    it("is kept by a child that can get at it " .. what, function()
      assert.equal("x\nnil closed\n", run(([[
        local p = %s
        p:start()
        p = nil
        b:close()
        print(a:recv(5))
        local value, why = a:recv(5)
        print(value, why)
      ]]):format(program)):gsub("\t", " "))
    end)
  end

  it("is closed in a child that did not keep it", function()
    assert.equal("true attempt to use a closed connection\n", run([[
      local hidden = coroutine.wrap(function() while true do coroutine.yield(a) end end)
      hidden()
      parallel.Process(function()
        local ok, why = pcall(function() hidden():send(1) end)
        b:send({hidden().closed, (why:gsub("^.-:%d+: ", ""))})
      end):start()
      b:close()
      local seen = a:recv(5)
      print(tostring(seen[1]) .. " " .. seen[2])
    ]]))
  end)

  it("goes over a connection", function()
    local c, d = Pipe()
    keep(c)
    local p = start(function()
      local given = b:recv()
      given.end_:send("over the one that came")
      b:send(given.end_)
    end)
    b:close()
    a:send({end_ = d})
    d:close()
    assert.equal("over the one that came", c:recv(5))
    local back = keep(a:recv(5))
    p:join()
    c:send(1)
    assert.equal(1, back:recv())
    back:close()
    assert.same({nil, "closed"}, {c:recv()})
  end)

  it("that comes to where it lives is the same value", function()
    a:send(b)
    assert.equal(b, b:recv())
  end)

  it("keeps its direction when it is sent", function()
    local receiver, sender = Pipe(false)
    keep(receiver)
    a:send(sender)
    sender:close()
    local came = keep(b:recv())
    assert.error_matches(function() came:recv() end, "only sends")
    came:send("x")
    assert.equal("x", receiver:recv())
  end)

  it("takes other shared objects along", function()
    local box = keep(testing.box(10))
    local p = start(function() b:recv().box:write(0, "written") b:send(true) end)
    a:send({box = box})
    assert.is_true(a:recv(5))
    p:join()
    assert.equal("written", box:read(0, 7))
  end)

  it("goes to the workers of a pool with tasks, functions and initargs", function()
    local pool = parallel.Pool({workers = 1, initargs = {b, n = 1}, initializer = function(c) c:send("init") end})
    assert.equal("init", a:recv(5))
    pool:apply(function(c) c:send("argument") end, b)
    pool:apply(function() b:send("captured") end)
    pool:close()
    assert.equal("argument", a:recv(5))
    assert.equal("captured", a:recv(5))
    parallel.map(function(x) b:send(x) end, {"one-shot"}, {workers = 1})
    assert.equal("one-shot", a:recv(5))
    b:close()
    assert.same({nil, "closed"}, {a:recv(5)})
  end)

  it("is not kept by a pool that was not given it", function()
    local pool = parallel.Pool(1)
    pool:apply(function() end)
    a:close()
    assert.same({nil, "closed"}, {b:recv(5)})
    pool:close()
  end)

  it("cannot be used inside of a message of its own", function()
    local Odd = {}
    parallel.register_type("spec.odd", Odd, {dump = function() return a:send(1) end, load = function() end})
    assert.error_matches(function() a:send(setmetatable({}, Odd)) end, "inside of a message of its own")
    a:send(2)
    assert.equal(2, b:recv())
  end)

  it("leaves to others what follows the message it was asked for", function()
    a:send("mine")
    a:send("the child's")
    assert.equal("mine", b:recv())
    local mine, theirs = Pipe(false)
    keep(mine)
    keep(theirs)
    local p = start(function() theirs:send(b:recv(5)) end)
    assert.equal("the child's", mine:recv(5))
    p:join()
  end)

  for _, plan in ipairs({
    "sys.recvmsg:short@*,sys.sendmsg:short@*", "sys.recvmsg:EINTR@2,sys.sendmsg:EINTR@2,sys.poll:EINTR@1",
    "sys.sendmsg:ENOBUFS@2", "sys.sendmsg:EAGAIN@1", "sys.sendmsg:ETOOMANYREFS@1",
  }) do
    it("works with " .. plan, function()
      testing.fault(plan)
      local p = start(function()
        for value in function() return (b:recv()) end do
          if value == "stop" then return end
          b:send(value)
        end
      end)
      b:close()
      local box = keep(testing.box(1))
      for _, value in ipairs({1, ("text"):rep(100), {1, 2, {3}}, {box}}) do
        a:send(value)
        assert.same(value, (a:recv()))
      end
      a:send("stop")
      p:join()
      assert.equal(0, p.exitcode)
    end)
  end

  for _, point in ipairs({"channel.sent", "channel.received", "connection.send", "connection.sent", "connection.received"}) do
    it("is found closed when the other end is killed at " .. point, function()
      testing.fault(point .. ":killchild@2")
      local box = keep(testing.box(1))
      local p = start(function()
        for value in function() return (b:recv()) end do
          if value == "stop" then return end
          b:send(value)
        end
      end)
      b:close()
      local function try()
        local sent, why = a:send({box, ("x"):rep(1e5)})
        if not sent then return sent, why end
        return a:recv(5)
      end
      for _ = 1, 10 do
        local value, why = try()
        if not value then
          assert.equal("closed", why)
          break
        end
        assert.equal(box, value[1])
      end
      assert.same({nil, "closed"}, {try()})
      p:join()
      assert.equal(-9, p.exitcode)
    end)
  end

  it("raises for a shared object that it had no room for, and goes on", function()
    local box = keep(testing.box(1))
    a:send({box})
    a:send("next")
    testing.limit_descriptors(3)
    local ok, why = pcall(b.recv, b)
    testing.limit_descriptors()
    assert.is_false(ok)
    assert.match("a shared object was lost", why)
    assert.equal("next", b:recv())
  end)

  it("says so when it cannot take a shared object along", function()
    local box = keep(testing.box(1))
    testing.fault("sys.fcntl:EMFILE@1")
    assert.error_matches(function() a:send({box}) end, "cannot send a shared object: Too many open files")
    a:send("next")
    assert.equal("next", b:recv())
  end)
end)

describe("parallel.wait", function()
  it("tells which connections have something", function()
    local c, d = Pipe()
    keep(c)
    keep(d)
    assert.same({}, parallel.wait({b, d}, 0))
    c:send(1)
    assert.same({d}, parallel.wait({b, d}))
    a:close()
    assert.same({b, d}, parallel.wait({b, d}))
  end)

  it("tells of a message that was read while another was written", function()
    local big = ("x"):rep(3e6)
    local p = start(function()
      b:send("first")
      b:send_bytes(big)
      b:recv()
    end)
    b:close()
    a:send_bytes(big)
    assert.same({a}, parallel.wait({a}, 5))
    assert.equal("first", a:recv())
    p:kill()
  end)
end)
