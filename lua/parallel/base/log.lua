--- log: what the library itself has to tell, a line each on stderr; off until asked for.
--
--    parallel.log("info")
--    12:01:07 warn  pool worker 2 (4711): task 17 is run again: it timed out
--
-- Workers inherit the level, and say which they are. For the library's own files:
-- log.debug, log.info, log.warn and log.error take a format and its values, and
-- return at once when nobody wants to know.
local check = require("parallel.base.check")
local core = require("parallel.core")

local NAMES = {"debug", "info", "warn", "error"}
local OFF = #NAMES + 1

local log = {}

local least, process = OFF, "main"

-- One write a line, so that those of several processes do not mix.
local function write(name, format, ...)
  local text = format:format(...):gsub("\n", "\n    ")
  io.stderr:write(("%s %-5s %s (%d): %s\n"):format(os.date("%H:%M:%S"), name, process, core.pid(), text))
end

for rank, name in ipairs(NAMES) do
  log[name] = function(format, ...)
    if rank >= least then write(name, format, ...) end
  end
end

local function rank_of(level)
  if level == false then return OFF end
  for rank, name in ipairs(NAMES) do
    if name == level then return rank end
  end
  check.fail(("bad argument #1 to 'log' (debug, info, warn, error or false expected, got %s)"):format(
    tostring(level)))
end

--- parallel.log(level): from now on tell what is at least so grave: "debug", "info",
-- "warn", "error", or false for nothing. Returns the level that it was.
function log.set(level)
  local before = NAMES[least] or false
  least = rank_of(level)
  return before
end

--- The level, as log.set takes it.
function log.level() return NAMES[least] or false end

--- What this process is called in its lines.
function log.name_process(name) process = name end

return log
