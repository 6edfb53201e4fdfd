-- harness: what holds around every test, whatever it tests.
--
-- A watchdog ends the run when a test hangs. A test that leaves behind a
-- process, a descriptor or a file fails, and is told what. $TMPDIR is a folder
-- made for this run. .busted names this file as busted's helper.
require "parallel"
local busted = require "busted"
local lfs = require "lfs"
local testing = require("parallel.core").testing
  or error("the specs need a test build: run them with scripts/test", 0)

-- No mktemp: a pipe to it could not be read under a storm of signals.
local function make_tmpdir()
  local path = ("%s/parallel-lua-spec.%d.%d"):format(os.getenv("TMPDIR") or "/tmp", testing.getpid(), os.time())
  assert(lfs.mkdir(path))
  return path
end

assert(testing.adopt_orphans())
local runner = testing.getpid()
local tmpdir = make_tmpdir()
testing.setenv("TMPDIR", tmpdir)

local files = require "spec.support.files"
local full_name = require "spec.support.full_name"
local leaks = require "spec.support.leaks"
local watchdog = require "spec.support.watchdog"

watchdog.start()

-- A circumstance for whole runs (scripts/check): so many signals a second.
local storm = tonumber(os.getenv("PARALLEL_LUA_STORM"))
if storm then testing.storm(storm) end

-- A forked child that returns from a test would run the rest of the suite a second time.
local function end_strayed_child()
  if testing.getpid() == runner then return end
  io.stderr:write(("\nprocess %d, forked in this test, came back into the test run: %s\n"):format(
    testing.getpid(), watchdog.doing))
  testing.kill(testing.getpid(), "KILL")
end

local before, test, test_parent

local function fail(lines)
  local message = "this test did not clean up:\n  " .. table.concat(lines, "\n  ")
  busted.publish({"failure", "it"}, test, test_parent, message)
end

busted.before_each(function()
  watchdog.hear("before a test")
  testing.forget_forks()
  collectgarbage()
  before, test = leaks.snapshot(), nil
end)

busted.after_each(function()
  end_strayed_child()
  files.clear()
  local lines = leaks.since(before)
  if #lines == 0 then return end
  if test then fail(lines) end
  leaks.end_processes(before)
  os.execute(("rm -rf '%s' && mkdir '%s'"):format(tmpdir, tmpdir))
end)

-- busted stops at a subscriber that does not return true as its second result.
local function on(channel, respond, options)
  busted.subscribe(channel, function(...)
    respond(...)
    return nil, true
  end, options)
end

on({"file", "start"}, function(file)
  watchdog.hear(file.name)
end)

on({"test", "start"}, function(element, parent)
  test, test_parent = element, parent
  watchdog.hear(full_name(element, parent) or "a test")
end)

on({"test", "end"}, end_strayed_child, {priority = 1})

on({"exit"}, function()
  end_strayed_child()
  watchdog.stop()
  os.execute(("rm -rf '%s'"):format(tmpdir))
end)
