-- A shared counter service: one program keeps counters, others count.
--
--    parallel-lua examples/counter_service.lua serve /tmp/counters.sock secret
--    parallel-lua examples/counter_service.lua count /tmp/counters.sock secret apples 3
--
-- The first prints where it listens and serves until its standard input ends. Each run of the second, at
-- the same time as any number of others, adds to a counter and prints what it then is.
local parallel = require "parallel"

-- The counters live in the manager's process. Nothing else runs there while a method does, so none
-- needs a lock.
local Counters = {}
Counters.__index = Counters

function Counters:add(name, n)
  self[name] = (self[name] or 0) + n
  return self[name]
end

parallel.register("counters", function() return setmetatable({}, Counters) end, {"add"})

local function serve(address, key)
  local manager = assert(parallel.Manager{ address = address, authkey = key })
  manager:publish("counters", manager:counters())
  print("serving at " .. manager.address)
  io.flush()
  io.read("*a")
  manager:close()
end

local function count(address, key, name, n)
  local manager = assert(parallel.connect{ address = address, authkey = key })
  print(name, manager:lookup("counters"):add(name, tonumber(n or 1)))
end

local commands = {serve = serve, count = count}
local command = commands[arg[1]] or error("usage: counter_service.lua serve|count ADDRESS KEY [NAME [N]]", 0)
command(arg[2], arg[3], arg[4], arg[5])
