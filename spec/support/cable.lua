-- cable: what lies between two programs: a process that passes on what they say, and spoils it.
--
--    local cable = cable.lay(listener.address, {spoil = function(text, direction) ... end})
--    Client{address = cable.address, ...}
--    cable:stop()      nothing passes any more, and nobody is told
--    cable:go_on()
--    cable:cut()       both ends are told by their kernel: reset over TCP
--
-- spoil gets each piece as it comes, with "up" (to the listener) or "down" and how many bytes passed
-- before, and returns what is passed on.
local core = require "parallel.core"
local testing = core.testing

local Cable = {}
Cable.__index = Cable

local function pass(from, to, spoil, direction, passed)
  local text = from:read(65536, 0)
  if not text then return passed end
  if text == "" then return nil end
  if not to:write(spoil and spoil(text, direction, passed) or text) then return nil end
  return passed + #text
end

-- Until either end is closed, or this process is.
local function connect(client, address, spoil)
  local server = testing.dial(address)
  client:reset_at_end()
  server:reset_at_end()
  local up, down = 0, 0
  while up and down do
    core.poll({client:fileno(), server:fileno()})
    up = pass(client, server, spoil, "up", up)
    down = up and pass(server, client, spoil, "down", down)
  end
  client:close()
  server:close()
end

-- One connection after the other.
local function serve(door, address, spoil)
  while true do connect(door:accept(), address, spoil) end
end

local cable = {}

--- To the listener at this address, which is of TCP.
function cable.lay(address, options)
  local door, where = testing.listen("127.0.0.1:0")
  local pid = assert(testing.fork())
  if pid == 0 then
    pcall(serve, door, address, options and options.spoil)
    testing.exit(1)
  end
  door:close()
  return setmetatable({address = where, pid = pid}, Cable)
end

local function await_state(pid, state)
  repeat
    local file = assert(io.open(("/proc/%d/stat"):format(pid)))
    local now = file:read("*a"):match("^.*%) (%a)")
    file:close()
  until now == state
end

function Cable:stop()
  testing.kill(self.pid, "STOP")
  await_state(self.pid, "T")
end

function Cable:go_on() testing.kill(self.pid, "CONT") end

--- Twice is harmless.
function Cable:cut()
  if not self.pid then return end
  testing.kill(self.pid, "KILL")
  testing.wait(self.pid)
  self.pid = nil
end

return cable
