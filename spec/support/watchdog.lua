-- watchdog: a process beside the test run that ends it when a test hangs.
--
-- It hears what the run is doing, and how long that may take; it is a script
-- of its own (spec/support/watchdog), so that no fault of the code under test
-- can stop it.
local lfs = require "lfs"
local testing = require("parallel.core").testing

local watchdog = {}

-- Seconds. A machine that others use too may be slow; what hangs still ends.
local PATIENCE = tonumber(os.getenv("PARALLEL_LUA_SPEC_SECONDS")) or 60

local input

local function descriptors()
  local found = {}
  for name in lfs.dir("/proc/self/fd") do found[name] = true end
  return found
end

-- Programs that specs start must not keep the watchdog's input open.
local function close_new_ones_on_exec(before)
  for name in pairs(descriptors()) do
    if not before[name] then testing.close_on_exec(tonumber(name)) end
  end
end

function watchdog.start()
  local before = descriptors()
  input = assert(io.popen("exec spec/support/watchdog", "w"))
  input:setvbuf("no") -- a forked copy of a half full buffer would be written twice
  close_new_ones_on_exec(before)
end

--- Say what is done from here on; `seconds` is how long the next word may take.
function watchdog.hear(what, seconds)
  watchdog.doing = what
  input:write(("%g %s\n"):format(seconds or PATIENCE, what))
end

--- Allow the running test more time than usual. For slow circumstances such
-- as valgrind set PARALLEL_LUA_SPEC_SECONDS, which is for all tests.
function watchdog.patience(seconds)
  watchdog.hear(watchdog.doing, math.max(seconds, PATIENCE))
end

function watchdog.stop()
  input:write("quit\n")
  input:close()
end

return watchdog
