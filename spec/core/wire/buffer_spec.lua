require("parallel")
local testing = require("parallel.core").testing

describe("a varint", function()
  it("takes seven bits a byte, lowest first", function()
    assert.equal("\0", testing.varint(0))
    assert.equal("\127", testing.varint(127))
    assert.equal("\128\1", testing.varint(128))
    assert.equal("\172\2", testing.varint(300))
  end)

  it("reads back, whatever stands behind it", function()
    for bit = 0, 52 do
      for _, n in ipairs({2 ^ bit - 1, 2 ^ bit, 2 ^ bit + 1}) do
        local bytes = testing.varint(n)
        assert.same({n, #bytes}, {testing.unvarint(bytes .. "\200rest")})
      end
    end
  end)

  it("of 64 bits takes ten bytes", function()
    local all = ("\255"):rep(9) .. "\1"
    if not jit then assert.equal(all, testing.varint(-1)) end
    assert.equal(10, select(2, testing.unvarint(all)))
  end)

  it("that ends too early is none", function()
    local bytes = testing.varint(2 ^ 50)
    for size = 0, #bytes - 1 do assert.is_nil((testing.unvarint(bytes:sub(1, size)))) end
  end)

  it("that does not fit 64 bits is none", function()
    assert.is_nil((testing.unvarint(("\255"):rep(9) .. "\2")))
    assert.is_nil((testing.unvarint(("\128"):rep(10) .. "\1")))
  end)
end)

describe("zigzag", function()
  it("keeps small negatives small", function()
    local made = {}
    for i, n in ipairs({0, -1, 1, -2, 2}) do made[i] = testing.zigzag(n) end
    assert.same({0, 1, 2, 3, 4}, made)
  end)

  it("is undone by unzigzag", function()
    for _, n in ipairs({0, 1, -1, 12345, -12345, 2 ^ 51, -2 ^ 51}) do
      assert.equal(n, testing.unzigzag(testing.zigzag(n)))
    end
  end)
end)

describe("a buffer", function()
  after_each(function() testing.fault(nil) end)

  it("is consumed at its start and filled at its end", function()
    local buffer = testing.buffer()
    assert.equal("", buffer:bytes())
    buffer:append("hello ")
    buffer:append("world")
    buffer:consume(6)
    assert.equal("world", buffer:bytes())
    buffer:append("!")
    assert.equal("world!", buffer:bytes())
    buffer:close()
  end)

  it("behaves as a string does", function()
    local buffer, text = testing.buffer(), ""
    for i = 1, 3000 do
      local piece = ("%d,"):format(i * 7919 % 1009):rep(i % 5)
      buffer:append(piece)
      text = text .. piece
      local count = math.floor(#text * (i % 3) / 3)
      buffer:consume(count)
      text = text:sub(count + 1)
      assert.equal(text, buffer:bytes())
    end
  end)

  it("uses the room of what was consumed before it asks for more", function()
    local buffer = testing.buffer()
    buffer:append(("x"):rep(200))
    local capacity = buffer:capacity()
    for _ = 1, 1000 do
      buffer:consume(180)
      buffer:append(("y"):rep(180))
    end
    assert.equal(capacity, buffer:capacity())
  end)

  it("stays as it was without memory", function()
    local buffer = testing.buffer()
    buffer:append("kept")
    testing.fault("sys.realloc:ENOMEM@*")
    assert.same({nil, "Cannot allocate memory"}, {buffer:append(("x"):rep(1000))})
    testing.fault(nil)
    assert.equal("kept", buffer:bytes())
    buffer:append("!")
    assert.equal("kept!", buffer:bytes())
  end)

  it("refuses a size that would overflow", function()
    local buffer = testing.buffer()
    buffer:append("x")
    assert.same({nil, "Cannot allocate memory"}, {buffer:reserve(2 ^ 63)})
  end)

  it("may be used again when its memory was given back, also twice", function()
    local buffer = testing.buffer()
    buffer:append("x")
    buffer:close()
    buffer:close()
    assert.equal(0, buffer:capacity())
    buffer:append("y")
    assert.equal("y", buffer:bytes())
  end)
end)
