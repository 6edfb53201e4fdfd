-- A web server whose processes wait for connections on one socket; the kernel gives each to one of them.
--
--    parallel-lua examples/prefork_server.lua 8080 4
--
-- Four processes at http://127.0.0.1:8080/ (port 0: any that is free). One that dies is replaced; Ctrl-C
-- ends all of them. Needs LuaSocket (Debian: lua-socket).
local parallel = require "parallel"
local socket = require "socket"

local PATIENCE = 5 -- seconds that a browser may take for a request

local ANSWER = "HTTP/1.0 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s"

-- Everything up to the empty line; nil when the browser is gone, or too slow.
local function read_request(connection)
  local request = connection:receive("*l")
  local header = request
  while header and header ~= "" do header = connection:receive("*l") end
  return header and request
end

-- What such a process does. It is a copy of this one, and so has the socket.
local function serve(listener, number)
  local pid, served = parallel.current_process().pid, 0
  while true do
    local connection = listener:accept()
    connection:settimeout(PATIENCE)
    local request = read_request(connection)
    if request then
      served = served + 1
      local body = ("server %d (process %d), request %d: %s\n"):format(number, pid, served, request)
      connection:send(ANSWER:format(#body, body))
    end
    connection:close()
  end
end

local listener = assert(socket.bind("127.0.0.1", tonumber(arg[1] or 8080), 128))

local function start(number)
  local server = parallel.Process{ target = serve, args = {listener, number}, name = "server " .. number,
                                   daemon = true }
  server:start()
  return server
end

local servers = {}
for number = 1, tonumber(arg[2] or parallel.cpu_count()) do servers[number] = start(number) end
print(("http://%s:%d/"):format(listener:getsockname()))
io.flush()

while true do
  parallel.wait(servers) -- until one has ended
  for number, server in ipairs(servers) do
    if not server:is_alive() then
      io.stderr:write(("server %d ended with %d, and is started again\n"):format(number, server.exitcode))
      server:close()
      servers[number] = start(number)
    end
  end
end
