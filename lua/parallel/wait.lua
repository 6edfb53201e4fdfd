--- wait: for whichever of several things is ready first.
local async_result = require("parallel.pool.async_result")
local attend = require("parallel.base.attend")
local check = require("parallel.base.check")
local core = require("parallel.core")

local wait = {}

-- Seconds between looks at what has no descriptor: few at first, since much is over soon.
local SHORTEST_NAP, LONGEST_NAP = 0.001, 0.01

local function descriptor_of(object)
  local kind = type(object)
  if kind == "number" then return object % 1 == 0 and object end
  return (kind == "table" or kind == "userdata") and object.fileno and object:fileno()
end

-- Queues lie in shared memory and have no descriptor: they are looked at again and again.
local function is_queue(object) return type(object) == "userdata" and getmetatable(object) == core.Queue end

-- A connection that has a message already is not ready to be read.
local function has_message(object) return type(object) == "userdata" and object:ready() end

-- What is to be polled, the pools whose work the results wait for, and whether there are queues.
local function sort_out(objects)
  local fds, pools, seen, queues = {}, {}, {}, false
  for i, object in ipairs(objects) do
    local fd = not async_result.is(object) and descriptor_of(object)
    if fd then
      fds[#fds + 1] = fd
    elseif is_queue(object) then
      queues = true
    elseif not async_result.is(object) then
      check.fail(("bad argument #1 to 'wait' (objects[%d] cannot be waited for)"):format(i))
    elseif not object:has_ended() and not seen[object.pool] then
      seen[object.pool] = true
      pools[#pools + 1] = object.pool
    end
  end
  return fds, pools, queues
end

local function those_ready(objects, fds)
  local readable, ready = {}, {}
  for _, fd in ipairs(core.poll(fds, 0)) do readable[fd] = true end
  for _, object in ipairs(objects) do
    local is_ready
    if async_result.is(object) then is_ready = object:has_ended()
    else is_ready = readable[descriptor_of(object)] or has_message(object) end
    if is_ready then ready[#ready + 1] = object end
  end
  return ready
end

local function sooner(a, b) return a and b and math.min(a, b) or a or b end

--- Those of the AsyncResults, queues and descriptors that are ready, as a list: waits until
-- one is, at most so many seconds; {} when the time ran out.
function wait.any(objects, timeout)
  check.type(objects, "table", 1, "wait")
  check.optional_time(timeout, 2, "wait")
  local fds, pools, queues = sort_out(objects)
  local nap = queues and SHORTEST_NAP or nil
  local deadline = timeout and core.clock() + timeout
  while true do
    for _, pool in ipairs(pools) do pool:work() end
    local ready = those_ready(objects, fds)
    local left = deadline and deadline - core.clock()
    if #ready > 0 or #objects == 0 or left and left <= 0 then return ready end
    attend.turn(fds, sooner(left, nap))
    nap = nap and math.min(nap * 2, LONGEST_NAP)
  end
end

return wait
