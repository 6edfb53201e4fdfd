-- leaks: what a test left behind.
--
-- A snapshot is taken before a test and compared after it: child processes
-- (orphans too, since the test run adopts them), open descriptors, files in
-- $TMPDIR, and those in /dev/shm whose names end in the number of this process:
-- other programs, and other test runs, come and go there.
local busted = require "busted"
local lfs = require "lfs"
local testing = require("parallel.core").testing

local leaks = {}

-- Seconds for what is on its way out: an orphan that was told to end.
local GRACE = tonumber(os.getenv("PARALLEL_LUA_SPEC_GRACE")) or 1

local function contents(path)
  local file = io.open(path, "rb")
  if not file then return "" end
  local text = file:read("*a")
  file:close()
  return text or ""
end

local function children()
  local pids = {}
  for pid in contents("/proc/thread-self/children"):gmatch("%d+") do pids[tonumber(pid)] = true end
  return pids
end

local function is_dead(pid)
  return contents(("/proc/%d/stat"):format(pid)):match("^.*%) (%a)") == "Z"
end

local function command_of(pid)
  local words = contents(("/proc/%d/cmdline"):format(pid)):gsub("%z", " "):gsub(" $", "")
  return words ~= "" and words or contents(("/proc/%d/comm"):format(pid)):gsub("\n", "")
end

-- An orphan that has ended is nobody's leak: any init would collect it. A dead
-- child of our own is one, since the code that forked it never waited for it.
local function collect_dead_orphans(before)
  for pid in pairs(children()) do
    if not before[pid] and is_dead(pid) and not testing.forked_here(pid) then testing.wait(pid) end
  end
end

local function processes(before)
  collect_dead_orphans(before or {})
  local found = {}
  for pid in pairs(children()) do
    local state = is_dead(pid) and ", ended but not waited for" or ""
    found[pid] = ("process %d (%s%s)"):format(pid, command_of(pid), state)
  end
  return found
end

local function descriptors()
  local names, found = {}, {}
  for name in lfs.dir("/proc/self/fd") do names[#names + 1] = name end
  for _, name in ipairs(names) do -- by now the folder itself is closed
    local target = lfs.symlinkattributes("/proc/self/fd/" .. name, "target")
    if target then found[name .. target] = ("descriptor %s (%s)"):format(name, target) end
  end
  return found
end

local function files(folder, pattern)
  local found = {}
  if not lfs.attributes(folder, "mode") then return found end
  for name in lfs.dir(folder) do
    if name ~= "." and name ~= ".." and name:find(pattern) then found[name] = ("file %s/%s"):format(folder, name) end
  end
  return found
end

function leaks.snapshot(before)
  return {
    processes(before and before[1]),
    descriptors(),
    files("/dev/shm", ("%%-%d$"):format(testing.getpid())),
    files(os.getenv("TMPDIR"), ""),
  }
end

local function only_in(one, other, prefix, list)
  for kind, things in ipairs(one) do
    for key, text in pairs(things) do
      if not other[kind][key] then list[#list + 1] = prefix .. text end
    end
  end
end

local function differences(before)
  local after, list = leaks.snapshot(before), {}
  only_in(after, before, "left behind: ", list)
  only_in({{}, before[2]}, after, "closed, though it was not its own: ", list)
  table.sort(list)
  return list
end

local function collect()
  collectgarbage()
  collectgarbage() -- what the first round's finalizers let go of
end

-- LuaJIT's compiled code holds on to the closures and upvalues that it was made for.
local function forget_compiled_code()
  if jit then jit.flush() end
end

--- Collect until this is true: on LuaJIT one round may leave what the stack held a moment ago.
function leaks.collect_until(is_gone)
  repeat
    forget_compiled_code()
    collect()
  until is_gone()
end

--- What changed since the snapshot, as a list of lines; empty when all is well.
function leaks.since(before)
  collect()
  local list = differences(before)
  if #list > 0 then forget_compiled_code() end
  local deadline = busted.monotime() + GRACE
  while #list > 0 and busted.monotime() < deadline do
    collect()
    busted.sleep(0.01)
    list = differences(before)
  end
  return list
end

--- End the processes that are not in the snapshot, so that the next test starts clean.
function leaks.end_processes(before)
  for pid in pairs(children()) do
    if not before[1][pid] then
      testing.kill(pid, "KILL")
      testing.wait(pid)
    end
  end
end

return leaks
