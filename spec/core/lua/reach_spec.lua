-- What a child has to keep open is what it can get at.
local core = require "parallel.core"
local cqueues_socket = require "cqueues.socket"
local socket = require "socket"

-- Is this descriptor among those that the values lead to? The globals may be there too.
local function leads_to(fd, ...)
  for _, found in ipairs(core.reach(...)) do
    if found == fd then return true end
  end
  return false
end

describe("reach", function()
  it("finds sockets of other libraries, wherever they are", function()
    local udp = socket.udp()
    udp:setsockname("127.0.0.1", 0)
    local a, b = cqueues_socket.pair()
    assert.is_true(leads_to(udp:getfd(), {{udp}}))
    assert.is_true(leads_to(a:pollfd(), function() return a end))
    assert.is_false(leads_to(a:pollfd(), udp))
    udp:close()
    a:close()
    b:close()
  end)

  it("finds a file behind so many values that it first asks whether there is any", function()
    local many, file = {}, assert(io.open("/dev/null"))
    for i = 1, 5000 do many[i] = {i} end
    many[1][2] = file
    assert.equal(1, #core.reach(many))
    file:close()
    assert.same({}, core.reach(many))
  end)

  it("finds none in one that is closed", function()
    local udp = socket.udp()
    udp:setsockname("127.0.0.1", 0)
    local fd = udp:getfd()
    udp:close()
    assert.is_false(leads_to(fd, udp))
    assert.is_false(leads_to(-1, udp))
  end)

  it("does not mind a userdata that raises when it is asked, or says what is no descriptor", function()
    local udp = socket.udp()
    udp:setsockname("127.0.0.1", 0)
    local fd, index = udp:getfd(), getmetatable(udp).__index
    local getfd = index.getfd
    for _, odd in ipairs({function() error("not now") end, function() return "3" end,
                          function() return -5 end, function() return 1e300 end}) do
      index.getfd = odd
      assert.is_false(leads_to(fd, udp))
    end
    index.getfd = getfd
    udp:close()
  end)
end)
