local testing = require("parallel.core").testing
local lobby, hello

before_each(function()
  lobby = testing.lobby()
  hello = testing.handshake("client"):speech()
end)

after_each(function() lobby:close() end)

local function fill(count, now)
  local strangers = {}
  for i = 1, count do
    local place, raw = lobby:admit(now + i / 1000)
    strangers[i] = {place = place, raw = raw}
  end
  return strangers
end

describe("a lobby", function()
  it("knows who has said hello", function()
    local place, raw = lobby:admit(0)
    assert.is_false(lobby:step(place))
    raw:write(hello:sub(1, 39))
    assert.is_false(lobby:step(place))
    raw:write(hello:sub(40))
    assert.is_true(lobby:step(place))
  end)

  it("knows who went away, and who is no client", function()
    local gone, raw = lobby:admit(0)
    raw:close()
    assert.same({nil, "ECONNRESET"}, {lobby:step(gone)})
    local odd, other = lobby:admit(0)
    other:write(("x"):rep(40))
    assert.same({nil, "EPROTO"}, {lobby:step(odd)})
  end)

  it("gives each five seconds in all, whatever is said meanwhile", function()
    local place, raw = lobby:admit(10)
    assert.is_nil(lobby:overdue(14.99))
    raw:write(hello:sub(1, 20))
    lobby:step(place)
    assert.equal(place, lobby:overdue(15))
    lobby:dismiss(place)
    assert.is_nil(lobby:overdue(15))
  end)

  it("does not count the time that was nobody's fault", function()
    local place = lobby:admit(10)
    lobby:pause(100)
    assert.is_nil(lobby:overdue(114.9))
    assert.equal(place, lobby:overdue(115))
  end)

  it("has sixteen places", function()
    local strangers = fill(16, 0)
    assert.same({nil, "EAGAIN"}, {lobby:admit(0)})
    lobby:dismiss(strangers[3].place)
    assert.equal(strangers[3].place, (lobby:admit(0)))
  end)

  it("can do without who said least for the longest time, once it is full", function()
    local strangers = fill(15, 0)
    assert.is_nil(lobby:dispensable(1))
    strangers[16] = fill(1, 0.5)[1]
    strangers[1].raw:write("PL")
    lobby:step(strangers[1].place)
    assert.is_nil(lobby:dispensable(0.25))
    assert.equal(strangers[2].place, lobby:dispensable(1))
    for i = 2, 16 do
      strangers[i].raw:write("PLUA")
      lobby:step(strangers[i].place)
    end
    assert.equal(strangers[1].place, lobby:dispensable(1))
  end)
end)
