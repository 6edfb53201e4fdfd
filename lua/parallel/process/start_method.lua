--- start_method: how the processes of workers come to be.
--
--   "fork"      copies of this process: they inherit all that is in its Lua state
--   "template"  forked by a small process that was started for it
--   "spawn"     each a fresh interpreter
--
-- The latter two get functions and options as what is sent, not as what is inherited.
local check = require("parallel.base.check")
local core = require("parallel.core")
local interpreter = require("parallel.process.interpreter")
local log = require("parallel.base.log")

local METHODS = {"fork", "template", "spawn"}

local chosen = METHODS[1]
local starters = {} -- by method and command

local start_method = {}

--- All there are; the first is the default.
function start_method.all() return {METHODS[1], METHODS[2], METHODS[3]} end

--- The name, or the default's when there is none. Refused at the caller's line when unknown.
function start_method.check(name)
  if name == nil then return chosen end
  for _, method in ipairs(METHODS) do
    if name == method then return name end
  end
  check.fail(("start method '%s' is not available (%s)"):format(tostring(name), table.concat(METHODS, ", ")))
end

--- The default.
function start_method.get() return chosen end

--- Make this method the default.
function start_method.set(name)
  check.type(name, "string", 1, "set_start_method")
  chosen = start_method.check(name)
end

-- A lock that another thread holds while we fork is locked in the child for ever.
local function safe(method)
  if method ~= "fork" or core.threads() == 1 then return method end
  log.warn("this process has %d threads: workers are forked from a template", core.threads())
  return "template"
end

--- For core.pool: what makes the workers when they are to come to be by this
-- method, or nil when they are forked here. In a process with threads that is
-- never so. Raises when there is no interpreter to be found for fresh processes.
function start_method.starter(method)
  method = safe(start_method.check(method))
  if method == "fork" then return nil end
  local command = interpreter.command(method == "spawn" and "worker" or "template")
  local key = method .. "\0" .. table.concat(command, "\0")
  starters[key] = starters[key] or core.starter(method, command)
  return starters[key]
end

return start_method
