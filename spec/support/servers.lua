-- servers: examples that serve the web until they are told to end.
--
--    local server = servers.start("examples/status_page.lua", "0")
--    local answer = server:get("GET / HTTP/1.0\r\n\r\n")
--    assert.equal("SIGINT", server:stop("INT").signal)
local shell = require "spec.support.shell"
local socket = require "socket"

local PATIENCE = 30 -- seconds for an answer, or a part of one

local servers = {}

local Server = {}
Server.__index = Server

--- Start one, which prints its address first. The arguments make it choose its port: any that is free.
function servers.start(...)
  local self = setmetatable({command = shell.start({shell.program(), ...})}, Server)
  self.port = tonumber(self.command:await("^http://127%.0%.0%.1:(%d+)/\n"))
  return self
end

--- A LuaSocket that is connected to it.
function Server:connect()
  local connection = assert(socket.connect("127.0.0.1", self.port))
  connection:settimeout(PATIENCE)
  return connection
end

--- The whole answer; empty when whoever should have given it has died.
function Server:get(request)
  local connection = self:connect()
  connection:send(request)
  local answer = connection:receive("*a")
  connection:close()
  return answer or ""
end

--- Tell it to end by a signal, named without "SIG", and wait for that: a result as of shell.run.
-- Once it has ended this does nothing.
function Server:stop(signal)
  local command = self.command
  self.command = nil
  if not command then return end
  command:kill(signal)
  return command:wait()
end

return servers
