--- attend: whatever waits in this process lets its pools go on meanwhile.
--
-- A pool needs its owner now and then: to hand out what the workers have room for, to take
-- results and call back. So every call of this library that waits attends to the crews that
-- are busy; while none is it waits as if there were no pools. Those of Lua that wait for a
-- descriptor poll those of the crews too. Those of C, such as queue:get and connection:recv,
-- look around between naps (core/lua/vigil.h).
--
-- Only what waits for nobody but the one process at hand does not: a pool's workers that leave,
-- when all of their tasks and finalizers have run, and a manager that is sent a request.
local core = require("parallel.core")

local attend = {}

-- Those of the process that made them: a forked child has its own only. By crew its transport, so that
-- none is left when that has been collected: LuaJIT keeps the crew itself for another cycle.
local crews, owner

local function forget_all()
  crews, owner = setmetatable({}, {__mode = "kv"}), core.pid()
end

forget_all()

local function ours()
  if owner ~= core.pid() then forget_all() end
  return crews
end

-- All that are busy, but not `except`.
local function busy(except)
  local list
  for crew in pairs(ours()) do
    if crew ~= except and crew:busy() then
      list = list or {}
      list[#list + 1] = crew
    end
  end
  return list
end

-- Who waits for the descriptor of a pool is going to see to that pool itself.
local function busy_beside(fds)
  local list, waited_for = busy(), {}
  if not list then return {} end
  for _, fd in ipairs(fds) do waited_for[fd] = true end
  for i = #list, 1, -1 do
    if waited_for[list[i].transport:descriptor() or -1] then table.remove(list, i) end
  end
  return list
end

-- True when something happened to one.
local function take_turns(list)
  local happened = false
  for _, crew in ipairs(list) do
    if crews[crew] and crew:attend() then happened = true end -- the one before may have ended it
  end
  return happened
end

-- nil: nobody needs to be looked after; else whether something happened.
local function look_around()
  local list = busy()
  if list then return take_turns(list) end
  if not next(crews) then core.attend_with(nil) end
end

local function sooner(a, b) return a and b and math.min(a, b) or a or b end

-- Until something happens to one of the crews, or at one of these descriptors.
local function poll(fds, list, timeout)
  local polled = {}
  for i, fd in ipairs(fds) do polled[i] = fd end
  for _, crew in ipairs(list) do
    polled[#polled + 1] = crew.transport:descriptor()
    timeout = sooner(timeout, crew.transport:timeout())
  end
  return core.poll(polled, timeout)
end

--- From now on what waits attends to this crew, when it is busy.
function attend.add(crew)
  ours()[crew] = crew.transport
  core.attend_with(look_around)
end

--- It has ended.
function attend.remove(crew) ours()[crew] = nil end

--- Is any crew busy?
function attend.is_needed() return busy() ~= nil end

--- Wait for one of these descriptors, or a crew that is busy, at most so many seconds; returns when
-- anything may have happened.
function attend.turn(fds, timeout)
  local list = busy_beside(fds)
  if not take_turns(list) then poll(fds, list, timeout) end
end

--- As core.poll: those of the descriptors that can be read, as a list; {} when the time ran out
-- or a signal came.
function attend.poll(fds, timeout)
  local deadline = timeout and core.clock() + timeout
  while busy() do
    local ready, left = core.poll(fds, 0), deadline and deadline - core.clock()
    if #ready > 0 or left and left <= 0 then return ready end
    attend.turn(fds, left)
  end
  return core.poll(fds, deadline and math.max(0, deadline - core.clock()))
end

-- That a transport is broken shows at no descriptor: it was asked first, and this is what it said.
-- Who was called back by others may have ended the crew.
local function unless_nothing(transport, timeout, crew, list, kind, ...)
  if kind then return kind, ... end
  local happened = take_turns(list)
  if crew and not crews[crew] then return nil end
  if not happened then poll({transport:descriptor()}, list, sooner(timeout, transport:timeout())) end
  return transport:wait(0)
end

--- transport:wait(timeout), be it that of a crew, while the other crews go on; it may return
-- before the time is up.
function attend.wait(transport, timeout, crew)
  if timeout == 0 or next(crews) == crew and next(crews, crew) == nil then return transport:wait(timeout) end
  local list = busy(crew)
  if not list then return transport:wait(timeout) end
  return unless_nothing(transport, timeout, crew, list, transport:wait(0))
end

return attend
