--- budget: how much memory a job may take, and which of its processes how much.
--
-- Half of a worker's share is for what it works on (the table while it maps, the buffers
-- of the merge while it reduces), half for what it has finished and keeps in memory.
-- What is the same for any job, such as the interpreter, is not counted.
local file_text = require("parallel.base.file_text")

local FALLBACK = 256 * 2 ^ 20        -- where nothing tells how much is free
local LEAST_SHARE = 256 * 2 ^ 10     -- of a worker
local LARGEST_TABLE = 64 * 2 ^ 20    -- so that a worker that dies has little to be mapped again
local SMALLEST_BLOCK, LARGEST_BLOCK = 2 ^ 12, 2 ^ 16

local budget = {}

local function contents(path) return file_text(path) or "" end

local function available(root)
  local kilobytes = contents(root .. "/proc/meminfo"):match("MemAvailable:%s*(%d+)")
  return kilobytes and tonumber(kilobytes) * 1024
end

-- Control groups of version 2 have one path, those of version 1 one for memory.
local function group_folders(root)
  local text = contents(root .. "/proc/self/cgroup")
  local unified, old = text:match("0::(/[^\n]*)"), text:match("%d+:[^:\n]*memory[^:\n]*:(/[^\n]*)")
  local folders = {}
  if unified then folders[#folders + 1] = {"/sys/fs/cgroup", unified, "memory.max", "memory.current"} end
  if old then
    folders[#folders + 1] =
      {"/sys/fs/cgroup/memory", old, "memory.limit_in_bytes", "memory.usage_in_bytes"}
  end
  return folders
end

-- What the limit of the group, or of one around it, leaves.
local function left_in_group(root, base, path, limit_name, usage_name)
  local least
  while true do
    local folder = root .. base .. path .. "/"
    local limit, usage = tonumber(contents(folder .. limit_name)), tonumber(contents(folder .. usage_name))
    if limit and usage then least = math.min(least or math.huge, math.max(limit - usage, 0)) end
    if path == "" then return least end
    path = path:gsub("/[^/]*$", "")
  end
end

--- The bytes of memory that this process could still have; nil when nothing tells.
-- `root` is where /proc and /sys are looked for.
function budget.free(root)
  root = root or ""
  local least = available(root)
  for _, group in ipairs(group_folders(root)) do
    local left = left_in_group(root, group[1], group[2], group[3], group[4])
    if left then least = math.min(least or math.huge, left) end
  end
  return least
end

local function power_of_two_up_to(n)
  local power = SMALLEST_BLOCK
  while 2 * power <= math.min(n, LARGEST_BLOCK) do power = 2 * power end
  return power
end

--- What a job of so many workers may take, all in bytes:
--
--    total       of all processes
--    held        of standard input that was read and is not done with
--    table       of a worker's combining table, before it is written as a run
--    merge       of the buffers of a worker that reduces
--    files       of what a worker has written and keeps in memory
--    block       of what goes to disk at once
--
-- `memory` is the total; nil: a quarter of what is free. `has_stream`: standard input is read.
function budget.new(memory, workers, has_stream)
  local total = memory or (budget.free() or 4 * FALLBACK) / 4
  local held = has_stream and total / 4 or 0
  local share = math.max((total - held) / workers, LEAST_SHARE)
  local half = math.floor(share / 2)
  return {
    total = math.floor(total), held = math.floor(held),
    table = math.min(LARGEST_TABLE, math.floor(half * 3 / 5)), merge = half, files = half,
    block = power_of_two_up_to(half / (256 * workers)),
  }
end

return budget
