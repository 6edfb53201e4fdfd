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
local files = require "spec.support.files"
local testing = core.testing

local Cable = {}
Cable.__index = Cable

-- A way is one direction of a connection. What has come goes on; false at the end of it.
local function pass(way, spoil)
  local text = way.from:read(65536, 0)
  if not text or text == "" then return false end
  if spoil then text = spoil(text, way.direction, way.passed) end
  way.passed = way.passed + #text
  return way.to:write(text) and true or false
end

local function add_connection(ways, client, server)
  local up = {from = client, to = server, direction = "up", passed = 0}
  local down = {from = server, to = client, direction = "down", passed = 0}
  ways[client:fileno()], ways[server:fileno()] = up, down
  client:reset_at_end(true)
  server:reset_at_end(true)
end

local function end_connection(ways, way)
  for _, raw in ipairs({way.from, way.to}) do
    ways[raw:fileno()] = nil
    raw:reset_at_end(false)
    raw:close()
  end
end

-- Until this process is killed.
local function serve(door, address, spoil)
  local ways = {}
  while true do
    local fds = {door:fileno()}
    for fd in pairs(ways) do fds[#fds + 1] = fd end
    for _, fd in ipairs(core.poll(fds)) do
      local way = ways[fd]
      if fd == door:fileno() then add_connection(ways, door:accept(), testing.dial(address))
      elseif way and not pass(way, spoil) then end_connection(ways, way) end
    end
  end
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

local function state_of(pid) return files.read(("/proc/%d/stat"):format(pid)):match("^.*%) (%a)") end

function Cable:stop()
  testing.kill(self.pid, "STOP")
  repeat until state_of(self.pid) == "T"
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
