--- nemesis: kills and stops processes from outside, as a seeded source of random numbers says.
--
-- A shell sends the signals, so that they come at moments of its own, and no
-- code under test has a part in it.
local nemesis = {}

--- random(n): from 1 to n, the same ones on every Lua.
function nemesis.random(seed)
  local state = seed % 2147483646 + 1
  return function(n)
    state = state * 16807 % 2147483647
    return state % n + 1
  end
end

--- In so many cases of a hundred.
function nemesis.chance(random, percent) return random(100) <= percent end

function nemesis.pick(random, list) return list[random(#list)] end

local Nemesis = {}
Nemesis.__index = Nemesis

function nemesis.new(random)
  local shell = assert(io.popen("exec sh 2>/dev/null", "w"))
  shell:setvbuf("no") -- a worker must not have a half full buffer to write again
  return setmetatable({shell = shell, random = random}, Nemesis)
end

--- SIGKILL, now or some milliseconds later, or while it is stopped.
function Nemesis:kill(pid)
  local way = self.random(4)
  if way == 1 then
    self.shell:write(("(sleep 0.00%d; kill -9 %d) &\n"):format(self.random(9), pid))
  elseif way == 2 then
    self.shell:write(("kill -STOP %d; kill -9 %d\n"):format(pid, pid))
  else
    self.shell:write(("kill -9 %d\n"):format(pid))
  end
end

--- SIGSTOP, and SIGCONT some milliseconds later.
function Nemesis:pause(pid)
  self.shell:write(("(kill -STOP %d; sleep 0.00%d; kill -CONT %d) &\n"):format(pid, self.random(9), pid))
end

function Nemesis:close()
  self.shell:write("wait; exit\n") -- a process that was forked meanwhile may hold its input open
  self.shell:close()
end

return nemesis
