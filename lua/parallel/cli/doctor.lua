--- doctor: what this build and this machine offer, and what to do where something is missing.
local core = require("parallel.core")
local parallel = require("parallel")

local LEAST_DESCRIPTORS = 1024
local DESCRIPTORS_EACH = 4          -- of a worker, in its parent
local LEAST_SPACE = 1024 * 1024 * 1024

local function size_text(bytes)
  if bytes >= 1e9 then return ("%.1f GB"):format(bytes / 1e9) end
  return ("%.0f MB"):format(bytes / 1e6)
end

local function add(lines, name, is_ok, text)
  lines[#lines + 1] = ("%-14s %-7s  %s"):format(name, is_ok and "ok" or "missing", text)
end

local function add_choice(lines, name, is_ok, text, advice)
  add(lines, name, is_ok, is_ok and text or advice)
end

local function is_in_path(program)
  for folder in (os.getenv("PATH") or ""):gmatch("[^:]+") do
    if core.stat(folder .. "/" .. program) == "file" then return true end
  end
  return false
end

local function add_build(lines, facts)
  add(lines, "Lua", true, ("%s, %s"):format(rawget(_G, "jit") and jit.version or _VERSION, parallel._VERSION))
  add(lines, "start methods", true, table.concat(parallel.get_all_start_methods(), ", "))
  add_choice(lines, "libzstd", facts.zstd, "runs on disk are compressed",
    "built without libzstd: runs on disk are not compressed")
  add_choice(lines, "libsodium", facts.sodium, "programs on other machines can be talked to",
    "built without libsodium: no TCP, only sockets of this machine")
end

local function add_processors(lines, facts)
  local usable = core.cpu_count()
  local rest = usable < facts.online and "; the others are kept from us by affinity or a cgroup's quota" or ""
  add(lines, "processors", true, ("%d of %d are ours%s"):format(usable, facts.online, rest))
end

local function add_kernel(lines, facts)
  add_choice(lines, "pidfd", facts.pidfd, "ends of workers are noticed at once",
    "this kernel has none (Linux 5.3 has): ends are noticed a little later")
  add_choice(lines, "memfd", facts.memfd, "memory is shared without names",
    "this kernel has none (Linux 3.17 has): unlinked files take its place")
  add_choice(lines, "close_range", facts.close_range, "workers start with few descriptors fast",
    "this kernel has none (Linux 5.9 has): workers start more slowly")
end

local function add_limits(lines, facts)
  local most = facts.descriptors
  if not most then return add(lines, "descriptors", true, "no limit") end
  local text = ("%.0f, enough for %.0f workers"):format(most, math.max(0, (most - 16) / DESCRIPTORS_EACH))
  add_choice(lines, "descriptors", most >= LEAST_DESCRIPTORS, text, text .. "; more with: ulimit -n 4096")
end

local function add_space(lines, name, path, purpose)
  local free, why = core.space(path)
  if not free then return add(lines, name, false, why .. "; " .. purpose) end
  local text = ("%s free in %s"):format(size_text(free), path)
  add_choice(lines, name, free >= LEAST_SPACE, text, text .. "; " .. purpose)
end

local function add_program(lines, name, suffix)
  add_choice(lines, name, is_in_path(name), ("%s inputs can be read"):format(suffix),
    ("not in $PATH: %s inputs cannot be read; install %s"):format(suffix, name))
end

local doctor = {}

--- The lines to print: a name, "ok" or "missing", and what that means.
function doctor.examine()
  local lines, facts = {}, core.facts()
  add_build(lines, facts)
  add_processors(lines, facts)
  add_kernel(lines, facts)
  add_limits(lines, facts)
  add_space(lines, "shared memory", "/dev/shm", "named segments need it")
  add_space(lines, "tmpdir", os.getenv("TMPDIR") or "/tmp", "name another with TMPDIR")
  add_program(lines, "gzip", ".gz")
  add_program(lines, "zstd", ".zst")
  return lines
end

return doctor
