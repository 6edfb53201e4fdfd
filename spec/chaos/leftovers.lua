--- leftovers: what this process holds that a pool might have left behind.
local core = require "parallel.core"

local leftovers = {}

local function contents(path)
  local file = assert(io.open(path))
  local text = file:read("*a"):gsub("\n", " ")
  file:close()
  return text
end

-- No pipe to ls: its other end may still be open here when ls looks.
local function open_descriptors(folder)
  local path = folder .. "/descriptors"
  os.execute(("ls /proc/%d/fd >'%s'"):format(core.pid(), path))
  local text = contents(path)
  os.remove(path)
  return text
end

local function shared_mappings()
  local count = 0
  for line in io.lines("/proc/self/maps") do
    if line:find("rw%-s") then count = count + 1 end
  end
  return count
end

--- What there is now. The folder is one to write to.
function leftovers.look(folder)
  return {
    descriptors = open_descriptors(folder),
    processes = contents(("/proc/self/task/%d/children"):format(core.pid())),
    mappings = shared_mappings(),
  }
end

--- A list of what is not as it was before, as lines; empty when all is.
function leftovers.since(before, folder)
  collectgarbage()
  collectgarbage() -- what the first round's finalizers let go of
  local changes = {}
  for what, now in pairs(leftovers.look(folder)) do
    if now ~= before[what] then
      changes[#changes + 1] = ("%s were %s and are %s"):format(what, before[what], now)
    end
  end
  return changes
end

return leftovers
