local core = require("parallel.core")
local files = require("spec.support.files")
local kept = require("spec.support.kept")
local lfs = require("lfs")
local parallel = require("parallel")
local shell = require("spec.support.shell")

local testing = core.testing
local Client, Listener = parallel.Client, parallel.Listener
local KEY = "the key of these specs"
local keep, start = kept.keep, kept.start

local function listen(options)
  options = options or {}
  options.address = options.address or files.path("socket")
  if options.authkey == nil then options.authkey = KEY end
  return keep(assert(Listener(options)))
end

local function dial(listener) return keep(assert(testing.dial(listener.address))) end

-- A child that connects, sends these values, and tells what it hears last.
local function start_client(address, key, ...)
  local values = {...}
  return start(function()
    local c = assert(Client({address = address, authkey = key, timeout = 20}))
    for _, value in ipairs(values) do c:send(value) end
    c:recv(20) -- until the other end closes
  end)
end

after_each(kept.close)

for name, address in pairs({["a path"] = false, ["TCP"] = "127.0.0.1:0", ["IPv6"] = "[::1]:0"}) do
  describe("a listener at " .. name, function()
    local listener
    before_each(function() listener = listen({address = address or nil}) end)

    it("accepts who knows the key", function()
      local p = start(function()
        local c = assert(Client({address = listener.address, authkey = KEY}))
        c:send({1, "two", f = function(x) return x + 1 end})
        local value = c:recv(20)
        c:send_bytes(value:rep(1000000))
        c:close()
      end)
      local c = keep(listener:accept(20))
      local value = c:recv(20)
      assert.equal(4, value.f(3))
      assert.equal("two", value[2])
      assert.is_true(c:send("xyz"))
      assert.equal(3e6, #c:recv_bytes(nil, 20))
      assert.same({nil, "closed"}, {c:recv(20)})
      p:join()
      assert.equal(0, p.exitcode)
    end)

    it("says who it was", function()
      local p = start_client(listener.address, KEY)
      local c = keep(listener:accept(20))
      if address then assert.match("^[%d.%[%]:]+:%d+$", listener.last_accepted)
      else assert.equal("pid " .. p.pid, listener.last_accepted) end
      c:close()
    end)

    it("turns others away, who are told no more than that", function()
      local p = start(function()
        local c, why = Client({address = listener.address, authkey = "another", timeout = 20})
        os.exit(c == nil and why == "authentication failed" and 0 or 1)
      end)
      local honest = start_client(listener.address, KEY, "honest")
      local c = keep(listener:accept(20))
      assert.equal("honest", c:recv(20))
      while p:is_alive() do assert.same({nil, "timeout"}, {listener:accept(0.01)}) end
      assert.equal(0, p.exitcode)
      c:close()
      honest:join()
    end)
  end)
end

describe("a listener", function()
  it("waits no longer than it may", function()
    local listener = listen()
    for _, timeout in ipairs({0, -1, 0.001}) do assert.same({nil, "timeout"}, {listener:accept(timeout)}) end
  end)

  it("tells the port that was chosen", function()
    assert.match("^127%.0%.0%.1:%d%d+$", listen({address = "127.0.0.1:0"}).address)
    assert.match("^127%.0%.0%.1:%d%d+$", listen({address = ":0"}).address)
    assert.match("^127%.0%.0%.1:%d%d+$", listen({address = "localhost:0"}).address)
  end)

  it("chooses a path when it is given no address", function()
    local first, second = keep(assert(Listener())), keep(assert(Listener{authkey = KEY}))
    assert.match("/parallel%-lua%-%x+$", first.address)
    assert.not_equal(first.address, second.address)
    local p = start_client(second.address, KEY, "found")
    local c = keep(second:accept(20))
    assert.equal("found", c:recv(20))
    c:close()
    p:join()
    assert.error_matches(function() Client({authkey = KEY}) end, "address must be a string, got nil")
  end)

  it("uses the process's own key when none is given, which children inherit", function()
    local listener = keep(assert(Listener({address = files.path("socket")})))
    local p = start(function()
      local c = assert(Client({address = listener.address, timeout = 20}))
      c:send(parallel.current_process().authkey == nil)
      c:recv(20)
    end)
    local c = keep(listener:accept(20))
    assert.is_false(c:recv(20))
    c:close()
    p:join()
  end)

  it("is closed once for all", function()
    local listener = listen()
    local path = listener.address
    assert.is_false(listener.closed)
    listener:close()
    listener:close()
    assert.is_true(listener.closed)
    assert.equal(path, listener.address)
    assert.is_nil(lfs.symlinkattributes(path, "mode"))
    assert.error_matches(function() listener:accept() end, "attempt to use a closed listener")
  end)

  it("leaves connections that it accepted open when it is closed", function()
    local listener = listen()
    start_client(listener.address, KEY, "before", "after")
    local c = keep(listener:accept(20))
    assert.equal("before", c:recv(20))
    listener:close()
    assert.equal("after", c:recv(20))
  end)

  it("belongs to the process that made it", function()
    local listener = listen()
    local p = start(function()
      local ok, why = pcall(listener.accept, listener, 0)
      listener:close()
      os.exit(not ok and why:find("this listener belongs to process", 1, true) and 0 or 1)
    end)
    p:join()
    assert.equal(0, p.exitcode)
    assert.equal("socket", lfs.symlinkattributes(listener.address, "mode"))
  end)

  it("can be waited for", function()
    local listener = listen()
    assert.same({}, parallel.wait({listener}, 0))
    start_client(listener.address, KEY, 1)
    local c
    repeat
      assert.same({listener}, parallel.wait({listener}, 20))
      c = listener:accept(0)
    until c
    assert.equal(1, keep(c):recv(20))
  end)

  it("refuses options that make no sense, at the line of the caller", function()
    for text, options in pairs({
      ["address must be a string, got number"] = {address = 1},
      ["address cannot be empty"] = {address = ""},
      ["abstract socket names are not offered, since they have no permissions"] = {address = "@name"},
      ["abstract socket names are not offered, since they have no permission"] = {address = "\0name"},
      ["authkey cannot be empty; false means none"] = {address = "x", authkey = ""},
      ["unknown option 'key'"] = {address = "x", key = "secret"},
      ["authkey must be a string or false, got number"] = {address = "x", authkey = 1},
      ["backlog must be a whole number, at least 1, got 0"] = {address = "x", backlog = 0},
    }) do
      for _, make in ipairs({Listener, not options.backlog and Client or nil}) do
        local ok, why = pcall(function() local made = make(options) return made end)
        assert.is_false(ok)
        assert.match("^spec/lua/net/listener_spec.lua:%d+: bad argument #1 to '%u%a+' ", why:gsub("^%./", ""))
        assert.is_truthy(why:find(text, 1, true), why)
      end
    end
  end)

  it("tells why it cannot listen", function()
    local taken = listen({address = "127.0.0.1:0"}).address
    for address, text in pairs({
      [files.path("no/such/folder")] = "no such file or directory",
      [("x"):rep(200)] = "the path is too long for a socket",
      ["no/such:1"] = "no such file or directory", ["no/such:"] = "no such file or directory",
      ["127.0.0.1:65536"] = "a port is at most 65535",
      [":123456"] = "a port is at most 65535",
      ["[no.such.host.invalid]:1"] = "name or service not known",
      [("h"):rep(1100) .. ":1"] = "no such host",
      ["192.0.2.1:0"] = "cannot assign requested address",
      [taken] = "address already in use",
    }) do
      local listener, why = Listener({address = address, authkey = KEY})
      assert.is_nil(listener)
      assert.equal(("cannot listen on %s: %s"):format(address, text), why)
    end
  end)

  it("does not take a part of a name for the whole", function()
    for address, text in pairs({[files.path("na\0me")] = "the path has a zero byte in it", ["localhost\0:1"] = "no such host"}) do
      assert.match(": " .. text .. "$", select(2, Listener({address = address, authkey = KEY})))
      assert.match(": " .. text .. "$", select(2, Client({address = address, authkey = KEY})))
    end
  end)

  for _, call in ipairs({"socket", "bind", "listen", "epoll_create1", "epoll_ctl", "fchmod", "lstat"}) do
    it("is not made when " .. call .. " fails, and leaves nothing", function()
      testing.fault("sys." .. call .. ":ENOMEM@1")
      local listener, why = Listener({address = files.path("socket"), authkey = KEY})
      assert.is_nil(listener)
      assert.match("^cannot listen on .*: cannot allocate memory$", why)
      assert.is_nil(lfs.symlinkattributes(files.path("socket"), "mode"))
    end)
  end

  it("tells that the process may open no more files, and goes on when it may", function()
    local listener = listen()
    start_client(listener.address, KEY, 1)
    testing.fault("sys.accept4:EMFILE@1")
    local c, why = listener:accept(20)
    assert.is_nil(c)
    assert.match("cannot accept: Too many open files", why)
    assert.equal(1, keep(listener:accept(20)):recv(20))
  end)

  for _, plan in ipairs({"sys.accept4:EAGAIN@1", "sys.accept4:EINTR@1"}) do
    it("does not mind a visitor who went away: " .. plan, function()
      local listener = listen()
      start_client(listener.address, KEY, 1)
      testing.fault(plan)
      assert.equal(1, keep(assert(listener:accept(20))):recv(20))
    end)
  end

  it("tells that there is no memory for who came, and goes on when there is", function()
    local listener = listen()
    local client = shell.start({shell.interpreter(), files.write("client.lua", ([[ -- no fault is for it
      local c = assert(require("parallel").Client({address = %q, authkey = %q, timeout = 20}))
      c:send(1)
      c:recv(20)
    ]]):format(listener.address, KEY))})
    listener:accept(0)
    local n, c = 0
    repeat
      testing.fault("sys.mmap:ENOMEM@1")
      local why
      c, why = listener:accept(20)
      if not c then assert.match("^cannot accept: Cannot allocate memory", why) end
      testing.fault(nil)
      n = n + 1
      c = c or listener:accept(20)
    until c or n > 9
    assert.equal(1, keep(c):recv(20))
    c:close()
    client:wait()
  end)

  it("works with short reads and writes, and signals", function()
    testing.fault("sys.sendmsg:short@*,sys.recvmsg:short@*,sys.read:short@*,sys.epoll_wait:EINTR@1")
    local listener = listen()
    start_client(listener.address, KEY, "slow")
    assert.equal("slow", keep(listener:accept(20)):recv(20))
  end)
end)

describe("a path", function()
  it("is for this user only", function()
    assert.equal("rw-------", lfs.attributes(listen().address, "permissions"))
  end)

  it("of one that died is taken over", function()
    local path = files.path("socket")
    start(function()
      local listener = Listener({address = path, authkey = KEY})
      testing.kill(listener and testing.getpid(), "KILL")
    end):join()
    assert.equal("socket", lfs.symlinkattributes(path, "mode"))
    local listener = listen({address = path})
    start_client(path, KEY, 1)
    assert.equal(1, keep(listener:accept(20)):recv(20))
  end)

  it("of one that lives is not", function()
    local listener = listen()
    local other, why = Listener({address = listener.address, authkey = KEY})
    assert.is_nil(other)
    assert.match(": address already in use$", why)
  end)

  it("where there is something else is not taken, and left as it is", function()
    local file, link = files.write("file", "text"), files.path("link")
    os.execute(("ln -s '%s' '%s'"):format(files.path("nowhere"), link))
    for path, text in pairs({[file] = "there is something else than a socket", [link] = "there is a symbolic link"}) do
      local listener, why = Listener({address = path, authkey = KEY})
      assert.is_nil(listener)
      assert.equal(("cannot listen on %s: %s"):format(path, text), why)
    end
    assert.equal("text", files.read(file))
    assert.equal("link", lfs.symlinkattributes(link, "mode"))
  end)

  it("that is another's by now is left alone at the end", function()
    local first = listen()
    os.remove(first.address)
    local second = listen()
    first:close()
    assert.equal("socket", lfs.symlinkattributes(second.address, "mode"))
  end)
end)

describe("strangers", function()
  local HELLO = testing.handshake("client", KEY):speech()

  for what, bytes in pairs({
    ["nothing"] = "", ["a byte"] = "P", ["64 KiB"] = ("x"):rep(65536), ["HTTP"] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n" .. (" "):rep(30),
    ["a TLS hello"] = "\22\3\1\0\200\1\0\0\196\3\3" .. ("\5"):rep(200), ["a hello and nonsense"] = HELLO .. ("x"):rep(100),
    ["a hello of no key"] = testing.handshake("client"):speech(),
  }) do
    it("who say " .. what .. " are turned away, and nothing of it is decoded", function()
      testing.fault("connection.decode:delay0@*")
      local listener = listen()
      local raw = dial(listener)
      raw:write(bytes)
      assert.same({nil, "timeout"}, {listener:accept(0)})
      if #bytes >= 40 then
        while #raw:read() > 0 do assert.same({nil, "timeout"}, {listener:accept(0)}) end
      end
      raw:close()
      assert.same({nil, "timeout"}, {listener:accept(0)})
      assert.equal(0, testing.fault_acted())
      start_client(listener.address, KEY, "honest")
      assert.equal("honest", keep(listener:accept(20)):recv(20))
      assert.equal(1, testing.fault_acted())
    end)
  end

  it("who say a recorded session again are turned away", function()
    local listener = listen()
    local raw, client = dial(listener), testing.handshake("client", KEY)
    local recorded = client:speech()
    raw:write(recorded)
    assert.same({nil, "timeout"}, {listener:accept(0)})
    client:hear(raw:read())
    local proof = client:speech()
    raw:write(proof)
    keep(assert(listener:accept(20)))
    local again = dial(listener)
    again:write(recorded .. proof .. "and what was sent")
    assert.same({nil, "timeout"}, {listener:accept(0)})
    assert.equal(40, #again:read())
    assert.equal("", again:read())
  end)

  it("who are silent or slow delay nobody", function()
    local listener = listen()
    for i = 1, 15 do
      local raw = dial(listener)
      if i > 8 then raw:write("PL") end
    end
    start_client(listener.address, KEY, "honest")
    assert.equal("honest", keep(listener:accept(20)):recv(20))
  end)

  it("who take all places make room for those who come", function()
    local listener = listen({backlog = 64})
    local raws = {}
    for i = 1, 40 do raws[i] = dial(listener) end
    start_client(listener.address, KEY, "honest")
    assert.equal("honest", keep(listener:accept(20)):recv(20))
    assert.equal("", raws[1]:read(1, 0))
  end)

  it("who vanish leave nothing", function()
    local listener = listen()
    for _ = 1, 50 do
      local raw = dial(listener)
      raw:write(HELLO)
      listener:accept(0)
      raw:close()
    end
    assert.same({nil, "timeout"}, {listener:accept(0)})
  end)

  it("are told of in the log, a line a second", function()
    local program = files.write("strangers.lua", ([[
      local parallel = require("parallel")
      local testing = require("parallel.core").testing
      parallel.log("warn")
      local listener = parallel.Listener({address = %q, authkey = "key"})
      for _ = 1, 5 do
        local raw = testing.dial(listener.address)
        raw:write(("x"):rep(100))
        listener:accept(0)
      end
      listener:close()
    ]]):format(files.path("socket")))
    local result = shell.run({shell.interpreter(), program})
    local lines = select(2, result.stderr:gsub("\n", ""))
    assert.is_true(lines == 1 or lines == 2, result.stderr)
    assert.match("warn  main %(%d+%): listener at .*socket: refused pid %d+: what came is not of this library\n", result.stderr)
  end)
end)

describe("a client", function()
  it("is told why it cannot connect", function()
    for address, text in pairs({["127.0.0.1:9"] = "connection refused", [files.path("none")] = "no such file or directory"}) do
      local c, why = Client({address = address, authkey = KEY})
      assert.is_nil(c)
      assert.equal(("cannot connect to %s: %s"):format(address, text), why)
    end
  end)

  it("waits no longer than it may for a listener that does not answer", function()
    local listener = listen({backlog = 1})
    assert.same({nil, "timeout"}, {Client({address = listener.address, authkey = KEY, timeout = 0.001})})
    for _ = 1, 3 do -- until the backlog is full
      assert.same({nil, "timeout"}, {Client({address = listener.address, authkey = KEY, timeout = 0.001})})
    end
  end)

  -- A program of its own, so that no fault is for it.
  local function start_server(address)
    local server = shell.start({shell.interpreter(), files.write("server.lua", ([[
      local listener = assert(require("parallel").Listener({address = %q, authkey = %q}))
      io.stdout:setvbuf("no")
      print(listener.address)
      while true do
        local c = listener:accept()
        while c and c:recv() do end
      end
    ]]):format(address, KEY))})
    keep(server, function()
      server:kill("KILL")
      server:wait()
    end)
    return server:await("(.*)\n")
  end

  for name, wanted in pairs({["a path"] = files.path("socket"), TCP = "127.0.0.1:0"}) do
    it("does not come about over " .. name .. " when a call fails, and leaves nothing", function()
      local address = start_server(wanted)
      local function connect() return Client({address = address, authkey = KEY, timeout = 20}) end
      for _, plan in ipairs({
        "sys.socket:EMFILE@1", "sys.connect:EPERM@1", "sys.getrandom:EIO@1", "sys.sendmsg:EIO@1",
        "sys.poll:ENOMEM@1", "sys.realloc:ENOMEM@1", "sys.mmap:ENOMEM@1", "sys.getsockopt:ENOMEM@1",
        "sys.getsockopt:ENOMEM@2", "sys.fcntl:EINVAL@1", "sys.fcntl:EINVAL@2", "sys.read:EIO@1",
      }) do
        testing.fault(plan)
        local ok, c, why = pcall(connect)
        local acted = testing.fault_acted() > 0
        testing.fault(nil)
        if ok and c then c:close()
        else
          assert.is_true(acted)
          assert.match(ok and "^cannot connect to .*: %l" or "not enough memory", why or c)
        end
        collectgarbage() -- what an error has interrupted
        local again = assert(connect(), plan)
        assert.is_true(again:send("all is well"))
        again:close()
      end
    end)
  end

  it("waits no longer than it may while signals keep it from connecting", function()
    testing.fault("sys.connect:EINTR@*")
    local client = {Client({address = files.path("nobody"), authkey = KEY, timeout = 0.01})}
    testing.fault(nil)
    assert.same({nil, "timeout"}, client)
  end)

  it("does not prove anything to who has no key", function()
    local listener = listen({authkey = false})
    local p = start(function()
      local c, why = Client({address = listener.address, authkey = KEY, timeout = 20})
      os.exit(c == nil and why == "authentication failed" and 0 or 1)
    end)
    while p:is_alive() do assert.same({nil, "timeout"}, {listener:accept(0.01)}) end
    assert.equal(0, p.exitcode)
  end)

  it("finds the other end closed when that is killed", function()
    local listener = listen()
    local p = start(function()
      Client({address = listener.address, authkey = KEY, timeout = 20}):send(1)
      testing.kill(testing.getpid(), "KILL")
    end)
    local c = keep(listener:accept(20))
    assert.equal(1, c:recv(20))
    assert.same({nil, "closed", "cut off"}, {c:recv(20)})
    p:join()
    assert.same({nil, "closed"}, {c:send(2)})
  end)

  for _, point in ipairs({"client.connected", "handshake.step", "handshake.done", "stream.sent"}) do
    it("that is killed at " .. point .. " delays nobody", function()
      local listener = listen()
      testing.fault(point .. ":killchild@1")
      local p = start_client(listener.address, KEY, "of one who dies")
      while p:is_alive() do
        local c = listener:accept(0.01)
        if c then keep(c) end
      end
      testing.fault(nil)
      start_client(listener.address, KEY, "honest")
      local value
      repeat value = keep(listener:accept(20)):recv(20) until value
      assert.is_truthy(({honest = true, ["of one who dies"] = true})[value])
    end)
  end
end)

describe("a connection without a key", function()
  local listener, c, d
  before_each(function()
    listener = listen({authkey = false})
    c = keep(assert(Client({address = listener.address, authkey = false, timeout = 20})))
    d = keep(assert(listener:accept(20)))
  end)

  it("carries plain data both ways", function()
    for _, value in ipairs({1, 1.5, "text", {1, {x = true}}}) do
      c:send(value)
      assert.same(value, d:recv(20))
      d:send({value})
      assert.same({value}, c:recv(20))
    end
    c:close()
    assert.same({nil, "closed"}, {d:recv(20)})
  end)

  it("carries no functions and no shared objects", function()
    local queue = keep(parallel.Queue())
    for _, one in ipairs({c, d}) do
      assert.error_matches(function() one:send({f = function() end}) end, "f: a function cannot leave its process")
      assert.error_matches(function() one:send({queue}) end, "%[1%]: a queue cannot be sent this way")
    end
  end)

  it("takes no function that comes all the same", function()
    local raw = dial(listener)
    raw:write(testing.handshake("client"):speech())
    local e = keep(assert(listener:accept(20)))
    local message = core.encode_trusted(function() end)
    raw:write(testing.header(1, 0, #message, 0) .. message)
    assert.has_error(function() e:recv(20) end)
    raw:write(testing.header(1, 0, 2 ^ 52, 0))
    assert.same({nil, "timeout"}, {e:recv(0)})
  end)

  it("ends at what is no message", function()
    local raw = dial(listener)
    raw:write(testing.handshake("client"):speech() .. ("x"):rep(100))
    local e = keep(assert(listener:accept(20)))
    assert.same({nil, "closed", "damaged"}, {e:recv(20)})
  end)

  it("does not come about with a listener that wants a key", function()
    local other = listen({address = files.path("other")})
    local e = keep(Client({address = other.address, authkey = false}))
    assert.same({nil, "timeout"}, {other:accept(0)})
    assert.same({nil, "closed", "authentication failed"}, {e:recv(20)})
  end)

  it("is not to be had from other machines", function()
    for _, address in ipairs({"0.0.0.0:0", "[::]:0", "[::2]:0"}) do
      local no, why = Listener({address = address, authkey = false})
      assert.is_nil(no)
      assert.equal(("cannot listen on %s: without a key only loopback addresses and paths are offered"):format(address), why)
    end
  end)

  it("is to be had on loopback, of either kind", function()
    for _, address in ipairs({"127.0.0.1:0", "[::1]:0"}) do
      local here = listen({address = address, authkey = false})
      local e = keep(assert(Client({address = here.address, authkey = false, timeout = 20})))
      e:send("hello")
      assert.equal("hello", keep(here:accept(20)):recv(20))
    end
  end)
end)

describe("a connection to another program", function()
  it("carries shared objects over a path, and none over TCP", function()
    for _, address in ipairs({files.path("socket"), "127.0.0.1:0"}) do
      local listener = listen({address = address})
      local queue = keep(parallel.Queue())
      start(function()
        local c = assert(Client({address = listener.address, authkey = KEY, timeout = 20}))
        local came = c:recv(20)
        if came then came[1]:put("got it") end
      end)
      local c = keep(assert(listener:accept(20)))
      if address:find("/") then
        c:send({queue})
        assert.equal("got it", queue:get(20))
      else
        assert.error_matches(function() c:send({queue}) end, "%[1%]: a queue cannot be sent this way")
      end
      c:close()
    end
  end)

  it("goes to a child that handles it, while the listener's process goes on", function()
    local listener = listen()
    local client = start(function()
      local c = assert(Client({address = listener.address, authkey = KEY, timeout = 20}))
      c:send(20)
      os.exit(c:recv(20) == 21 and 0 or 1)
    end)
    local c = listener:accept(20)
    local handler = start(function() c:send(c:recv(20) + 1) end)
    c:close()
    client:join()
    handler:join()
    assert.equal(0, client.exitcode)
  end)

  it("cannot be sent", function()
    local listener = listen({authkey = false})
    local c = keep(Client({address = listener.address, authkey = false}))
    local a, b = parallel.Pipe()
    keep(a)
    keep(b)
    assert.error_matches(function() a:send({c}) end, "%[1%]: a connection cannot leave its process")
  end)

  it("is not kept by children that cannot get at it", function()
    local program = files.write("kept.lua", ([[
      local parallel = require("parallel")
      local listener = parallel.Listener({address = %q, authkey = false})
      local c = parallel.Client({address = listener.address, authkey = false})
      local d = listener:accept(5)
      local idle = parallel.Process({daemon = true, target = function() while true do end end})
      idle:start()
      c:close()
      print(d:recv(5))
      listener:close()
    ]]):format(files.path("socket")))
    assert.equal("nil\tclosed\n", shell.run({shell.interpreter(), program}).stdout)
  end)
end)
