local bits = require("spec.support.bits")
local testing = require("parallel.core").testing
local handshake = testing.handshake

-- Each hears what the other says until nobody has anything to say; whether all was heard gladly.
local function talk(client, server)
  for _ = 1, 3 do
    local heard, why = server:hear(client:speech())
    if not heard then return heard, why end
    heard, why = client:hear(server:speech())
    if not heard then return heard, why end
  end
  return client:done() and server:done()
end

describe("a handshake", function()
  it("ends well when both know the key, of any length", function()
    for _, key in ipairs({"k", ("key"):rep(1000)}) do
      assert.is_true(talk(handshake("client", key), handshake("server", key)))
    end
  end)

  it("takes bytes one by one as well", function()
    local client, server = handshake("client", "key"), handshake("server", "key")
    for _ = 1, 300 do
      assert.is_true((server:hear(client:speech(1))))
      assert.is_true((client:hear(server:speech(1))))
    end
    assert.is_true(client:done() and server:done())
  end)

  it("ends when the keys differ, before the server has proved anything", function()
    local client, server = handshake("client", "key"), handshake("server", "another")
    server:hear(client:speech())
    client:hear(server:speech())
    assert.same({nil, "EACCES"}, {server:hear(client:speech())})
    assert.equal("", server:speech())
    assert.is_false(client:done())
  end)

  it("ends when only one side has a key", function()
    local function answers(client, server)
      local heard, why = server:hear(client:speech())
      assert.same({nil, "EACCES"}, {heard, why})
      return client, server:speech()
    end
    answers(handshake("client"), handshake("server", "key"))
    local client, hello = answers(handshake("client", "key"), handshake("server"))
    assert.same({nil, "EACCES"}, {client:hear(hello)})
  end)

  it("ends at any bit that was flipped on the way", function()
    for part = 1, 4 do
      for bit = 0, (part <= 2 and 40 or 32) * 8 - 1 do
        local ends = {handshake("client", "key"), handshake("server", "key")}
        local said = 0
        local function pass(from, to)
          said = said + 1
          local bytes = from:speech()
          return to:hear(said == part and bits.flip(bytes, bit) or bytes)
        end
        local well = pass(ends[1], ends[2]) and pass(ends[2], ends[1]) and pass(ends[1], ends[2])
          and pass(ends[2], ends[1])
        assert.is_nil(well, ("bit %d of part %d"):format(bit, part))
      end
    end
  end)

  it("cannot be had by saying back what the other side said", function()
    local server = handshake("server", "key")
    server:hear(handshake("client", "key"):speech())
    local hello = server:speech()
    local mirror = handshake("server", "key")
    mirror:hear(hello)
    mirror:speech()
    -- Its own hello and any proof that it could be made to give:
    local client = handshake("client", "key")
    client:hear(hello)
    client:speech(40)
    local proof = client:speech()
    assert.same({nil, "EACCES"}, {server:hear(proof)})
    local fooled = handshake("client", "key")
    fooled:hear(fooled:speech())
    assert.same({nil, "EACCES"}, {fooled:hear(fooled:speech())})
  end)

  it("cannot be had by saying again what was said before", function()
    local client, server, recorded = handshake("client", "key"), handshake("server", "key"), {}
    for i = 1, 2 do
      recorded[i] = client:speech()
      server:hear(recorded[i])
      client:hear(server:speech())
    end
    assert.is_true(server:done())
    local other = handshake("server", "key")
    assert.is_true((other:hear(recorded[1])))
    other:speech()
    assert.same({nil, "EACCES"}, {other:hear(recorded[2])})
  end)

  it("ends at the first thing that is no hello, and answers nothing", function()
    for _, garbage in ipairs({("\0"):rep(40), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" .. ("x"):rep(40),
      "\22\3\1\2\0\1\0\1\252\3\3" .. ("\7"):rep(40), ("x"):rep(65536)}) do
      local server = handshake("server", "key")
      assert.same({nil, "EPROTO"}, {server:hear(garbage)})
      assert.equal("", server:speech())
    end
  end)

  it("ends at a hello of another version or machine, which is answered", function()
    for at, byte in pairs({[5] = "\2", [7] = "\255", [8] = "\1"}) do
      local hello = handshake("client", "key"):speech()
      local server = handshake("server", "key")
      assert.same({nil, "EPROTONOSUPPORT"}, {server:hear(hello:sub(1, at - 1) .. byte .. hello:sub(at + 1))})
      assert.equal(40, #server:speech())
    end
  end)

  it("takes nothing beyond its end", function()
    local client, server = handshake("client", "key"), handshake("server", "key")
    server:hear(client:speech())
    client:hear(server:speech())
    assert.same({true, "what follows"}, {server:hear(client:speech() .. "what follows")})
  end)

  it("without a key is over for the client when it has said hello", function()
    local client, server = handshake("client"), handshake("server")
    assert.is_true((server:hear(client:speech())))
    assert.is_true(client:done())
    assert.equal(40, #server:speech())
    assert.is_true(server:done())
  end)

  it("cannot begin without randomness", function()
    testing.fault("sys.getrandom:EIO@1")
    assert.has_error(function() handshake("client", "key") end)
    testing.fault(nil)
  end)
end)
