-- What one end sends lies in the hands of the spec before it gets to the other end.
local parallel = require("parallel")
local bits = require("spec.support.bits")
local testing = require("parallel.core").testing
local a, raw_a, b, raw_b

before_each(function() a, raw_a, b, raw_b = testing.sealed_ends("key") end)

after_each(function()
  testing.fault(nil)
  for _, one in ipairs({a, raw_a, b, raw_b}) do one:close() end
  a, raw_a, b, raw_b = nil, nil, nil, nil
end)

-- A child that runs f.
local function start(f)
  local p = parallel.Process(f)
  p:start()
  return p
end

-- What is on its way from a: the records, of which one message is one.
local function record_of(value)
  a:send(value)
  return raw_a:read()
end

local function assert_damaged()
  for _ = 1, 2 do assert.same({nil, "closed", "damaged"}, {b:recv(0)}) end
  assert.equal("", raw_b:read()) -- the other side sees it
  assert.same({nil, "closed"}, {b:send("more")})
end

describe("a sealed stream", function()
  it("carries what was sent, and none of it can be read on the way", function()
    local record = record_of("a secret text")
    assert.is_nil(record:find("secret", 1, true))
    raw_b:write(record)
    assert.equal("a secret text", b:recv(0))
  end)

  it("never looks the same, though the same is sent", function()
    assert.not_equal(record_of("x"), record_of("x"))
  end)

  it("goes both ways, with numbers of their own", function()
    for i = 1, 3 do
      raw_b:write(record_of(i))
      assert.equal(i, b:recv(0))
    end
    b:send("back")
    raw_a:write(raw_b:read())
    assert.equal("back", a:recv(0))
  end)

  it("takes bytes one by one", function()
    for byte in record_of("slow"):gmatch(".") do
      assert.same({nil, "timeout"}, {b:recv(0)})
      raw_b:write(byte)
    end
    assert.equal("slow", b:recv(0))
  end)

  it("of big messages is many records", function()
    local big = ("0123456789abcdef"):rep(4096 * 3)
    local p = start(function() a:send_bytes(big) end)
    local size = 0
    repeat
      local piece = raw_a:read(60000)
      raw_b:write(piece)
      size = size + #piece
      local got, why = b:recv(0)
      assert.is_true(why == "timeout" or got == big)
    until got
    assert.is_true(size > #big + 3 * 20)
    p:join()
  end)

  it("ends at each bit that was flipped, and nothing is decoded", function()
    testing.fault("connection.decode:delay0@*")
    for bit = 0, 8 * #record_of({1, "x"}) - 1 do
      local from, raw_from, to, raw_to = testing.sealed_ends("key")
      from:send({1, "x"})
      raw_to:write(bits.flip(raw_from:read(), bit))
      local value, why = to:recv(0)
      assert.is_nil(value, ("bit %d"):format(bit))
      if why == "timeout" then -- a bigger size was promised: what comes to fill it is opened in vain
        raw_to:write(("x"):rep(65536 + 20))
        value, why = to:recv(0)
      end
      assert.same({nil, "closed"}, {value, why})
      for _, one in ipairs({from, raw_from, to, raw_to}) do one:close() end
    end
    assert.equal(0, testing.fault_acted())
  end)

  it("ends when records are swapped", function()
    local one, two = record_of(1), record_of(2)
    raw_b:write(two .. one)
    assert_damaged()
  end)

  it("ends when one is dropped", function()
    record_of(1)
    raw_b:write(record_of(2))
    assert_damaged()
  end)

  it("ends when one is repeated, after what was sound", function()
    local one = record_of(1)
    raw_b:write(one .. one)
    assert.equal(1, b:recv(0))
    assert_damaged()
  end)

  it("ends when its own records are sent back to it", function()
    raw_a:write(record_of(1))
    assert.same({nil, "closed", "damaged"}, {a:recv(0)})
  end)

  it("ends when those of another stream with the same key come", function()
    local from, raw_from, to, raw_to = testing.sealed_ends("key")
    from:send(1)
    raw_b:write(raw_from:read())
    assert_damaged()
    for _, one in ipairs({from, raw_from, to, raw_to}) do one:close() end
  end)

  it("believes no size that is beyond a record's", function()
    raw_b:write("\0\1\0\1" .. ("x"):rep(16))
    assert_damaged()
    assert.has_no_error(function() b:close() end)
  end)

  it("tells the end from having been cut off", function()
    raw_b:write(record_of("last"))
    a:close()
    raw_b:write(raw_a:read())
    assert.equal("last", b:recv(0))
    assert.same({nil, "closed"}, {b:recv(0)})
  end)

  it("says goodbye though the socket is full", function()
    local text = ("x"):rep(10000)
    local record = record_of(text)
    local function pass(bytes)
      raw_b:write(bytes or raw_a:read(#record))
      return b:recv(0)
    end
    pass(record)
    repeat until not a:send(text, 0)
    pass()
    assert.is_true(a:flush(0)) -- now nothing waits, and there is no room
    a:close()
    local value, why, reason
    repeat value, why, reason = pass() until value ~= text
    assert.same({nil, "closed"}, {value, why, reason})
  end)

  it("that was cut off between records says so", function()
    raw_b:write(record_of("last"))
    raw_b:close()
    assert.equal("last", b:recv(0))
    assert.same({nil, "closed", "cut off"}, {b:recv(0)})
  end)

  it("that was cut off in a record gives nothing of it", function()
    raw_b:write((record_of("last"):sub(1, -2)))
    raw_b:close()
    assert.same({nil, "closed", "cut off"}, {b:recv(0)})
  end)

  it("says no goodbye that can be moved", function()
    local record = record_of("first")
    a:close()
    raw_b:write(raw_a:read() .. record)
    assert_damaged()
  end)

  it("is numbered on by forked children, whoever sends", function()
    local p = start(function() a:send("child's") end)
    p:join()
    a:send("parent's")
    raw_b:write(raw_a:read())
    assert.equal("child's", b:recv(0))
    assert.equal("parent's", b:recv(0))
  end)

  it("says goodbye when the last who holds it closes", function()
    local ours, theirs = parallel.Pipe()
    local p = start(function()
      theirs:recv(5)
      a:send("from the child")
      a:close()
    end)
    a:close()
    ours:send("the parent has closed")
    p:join()
    ours:close()
    theirs:close()
    raw_b:write(raw_a:read())
    assert.equal("from the child", b:recv(0))
    assert.same({nil, "closed"}, {b:recv(0)})
  end)

  for _, plan in ipairs({"sys.sendmsg:short@*,sys.recvmsg:short@*", "sys.sendmsg:EAGAIN@1", "sys.sendmsg:ENOBUFS@1",
    "sys.recvmsg:EINTR@1,sys.sendmsg:EINTR@1"}) do
    it("works with " .. plan, function()
      testing.fault(plan)
      a:send({"x", 1})
      local record = raw_a:read()
      raw_b:write(record)
      local value
      repeat value = b:recv(0) until value
      assert.same({"x", 1}, value)
    end)
  end
end)
