require("parallel")
local testing = require("parallel.core").testing

local a, b

local function flush(channel)
  while channel:flush() == 0 do end
end

-- Fills until a frame is whole; its parts, or nil and why there is none.
local function receive(channel)
  while true do
    local parts = {channel:peek()}
    if parts[1] then
      channel:pass()
      return parts
    end
    if parts[2] then return nil, parts[2] end
    local filled, why = channel:fill()
    if filled ~= 1 then return nil, why or "closed" end
  end
end

describe("a channel", function()
  before_each(function() a, b = testing.channel_pair() end)
  after_each(function()
    testing.fault(nil)
    a:close()
    b:close()
    a:close()
  end)

  it("carries frames both ways, in order", function()
    a:queue(1, 2, 3, "payload")
    a:queue(4, 0, 5, "")
    b:queue(6, 65535, 2 ^ 52, "back\0")
    flush(a)
    flush(b)
    assert.same({1, 2, 3, "payload"}, receive(b))
    assert.same({4, 0, 5, ""}, receive(b))
    assert.same({6, 65535, 2 ^ 52, "back\0"}, receive(a))
  end)

  it("has no frame until all of it came", function()
    local bytes = testing.header(1, 0, 3, 9) .. "abc"
    for i = 1, #bytes - 1 do
      a:write(bytes:sub(i, i))
      b:fill()
      assert.equal(0, select("#", b:peek()))
    end
    a:write(bytes:sub(-1))
    assert.same({1, 0, 9, "abc"}, receive(b))
  end)

  it("notices every flipped bit of a header", function()
    local header = testing.header(1, 2, 3, 4)
    for bit = 0, #header * 8 - 1 do
      local at = math.floor(bit / 8) + 1
      local byte, mask = header:byte(at), 2 ^ (bit % 8)
      local flipped = math.floor(byte / mask) % 2 == 1 and byte - mask or byte + mask
      a:write(header:sub(1, at - 1) .. string.char(flipped) .. header:sub(at + 1) .. "abc")
      local frame, why = receive(b)
      assert.is_nil(frame)
      assert.equal("Protocol error", why)
      a:close()
      b:close()
      a, b = testing.channel_pair()
    end
  end)

  for name, bytes in pairs({zeros = ("\0"):rep(24), text = "what somebody printed to a wrong descriptor"}) do
    it("takes no " .. name .. " for a frame", function()
      a:write(bytes)
      assert.same({nil, "Protocol error"}, {receive(b)})
    end)
  end

  it("believes in a size only as its bytes arrive", function()
    a:write(testing.header(1, 0, 2 ^ 52, 1) .. "and no more")
    assert.equal(1, b:fill())
    assert.equal(1, a:write("x") and b:fill())
    assert.equal(0, select("#", b:peek()))
    assert.is_true(b:room() <= 4 * 1024 * 1024)
  end)

  it("tells when the other end is closed", function()
    a:close()
    assert.same({nil, "closed"}, {receive(b)})
  end)

  it("gives what was sent before the other end closed, but no half of a frame", function()
    a:queue(1, 0, 1, "whole")
    flush(a)
    a:write(testing.header(1, 0, 100, 2) .. "half")
    a:hang_up()
    assert.same({1, 0, 1, "whole"}, receive(b))
    assert.same({nil, "closed"}, {receive(b)})
  end)

  for _, plan in ipairs({"sys.read:EINTR@1", "sys.pwritev2:ENOSYS@*", "sys.pwritev2:EINVAL@1"}) do
    it("returns an error, and raises no SIGPIPE, when nobody reads: " .. plan, function()
      testing.fault(plan)
      b:close()
      a:queue(1, 0, 1, "lost")
      assert.same({nil, "Broken pipe"}, {a:flush()})
      assert.same({nil, "Broken pipe"}, {a:flush()})
    end)
  end

  it("that does not block says so, and keeps what it has", function()
    a:unblock()
    b:unblock()
    assert.same({nil, "Resource temporarily unavailable"}, {b:fill()})
    local payload = ("x"):rep(300000)
    a:queue(1, 0, 1, payload)
    local out, frame = a:flush(), nil
    assert.equal(0, out)
    while not frame do
      if out ~= 1 then out = a:flush() end
      b:fill()
      frame = select(4, b:peek())
    end
    assert.is_true(payload == frame)
  end)

  for _, plan in ipairs({
    "sys.read:short@*,sys.write:short@*,sys.pwritev2:ENOSYS@*", "sys.read:EINTR@2,sys.pwritev2:EINTR@1",
    "sys.pwritev2:ENOSYS@*,sys.write:EINTR@1",
  }) do
    it("carries all with " .. plan, function()
      testing.fault(plan)
      a:queue(1, 0, 1, ("abc"):rep(100))
      flush(a)
      assert.same({1, 0, 1, ("abc"):rep(100)}, receive(b))
    end)
  end

  it("queues nothing without memory", function()
    a:queue(1, 0, 1, "first")
    testing.fault("sys.realloc:ENOMEM@*")
    assert.same({nil, "Cannot allocate memory"}, {a:queue(1, 0, 2, ("x"):rep(1000))})
    testing.fault(nil)
    flush(a)
    a:hang_up()
    assert.same({1, 0, 1, "first"}, receive(b))
    assert.same({nil, "closed"}, {receive(b)})
  end)

  it("tells when it has no memory for what comes", function()
    a:write("x")
    testing.fault("sys.realloc:ENOMEM@1")
    assert.same({nil, "Cannot allocate memory"}, {b:fill()})
    assert.equal(1, b:fill())
  end)

  it("leaves nothing open when only half of it can be made", function()
    testing.fault("sys.pipe2:EMFILE@2")
    assert.same({nil, "Too many open files"}, {testing.channel_pair()})
  end)
end)
