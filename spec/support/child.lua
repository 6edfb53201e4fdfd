-- child: forked copies of the test run that do one thing and end.
--
--    local other = child.start(function() queue:put(1) end)
--    other:finish()
--
-- What a child raises is printed, and then finish fails.
local assert = require "luassert"
local testing = require("parallel.core").testing

local child = {}

local Child = {}
Child.__index = Child

--- Fork one that runs f(...) and ends.
function child.start(f, ...)
  local pid = assert(testing.fork())
  if pid > 0 then return setmetatable({pid = pid}, Child) end
  local ok, why = pcall(f, ...)
  if not ok then io.stderr:write(tostring(why), "\n") end
  testing.exit(ok and 0 or 1)
end

--- Wait for its end; "exit" or "signal", and its number.
function Child:wait() return testing.wait(self.pid) end

--- Wait for its end, which must be that f returned.
function Child:finish() assert.same({"exit", 0}, {self:wait()}) end

--- Wait for its end, which must be that it was killed.
function Child:fall() assert.same({"signal", 9}, {self:wait()}) end

--- Kill it, and wait for its end.
function Child:kill()
  testing.kill(self.pid, "KILL")
  self:wait()
end

return child
