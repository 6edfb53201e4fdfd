-- One chaos run: workers are killed under load, and the history of it is checked.
-- Prints a line: tasks, deaths of workers, values, failures, values that were made and lost with
-- their worker before they could be delivered, problems (each is told below it), seconds.
--
--    lua5.4 spec/chaos/run.lua FOLDER seed=7 tasks=1000000 kills=10000 size=1 retries=0 workers=4 chunk=20
--
-- Results are strings of up to `size` bytes. Tasks travel by `chunk` (0: as many as the pool finds
-- right), since a worker is found killed after a chunk or so: small ones make room for many kills. The workers' logs go to the
-- folder, which is to be empty. Run by scripts/chaos, on the build that users get.
local parallel = require "parallel"
local core = require "parallel.core"
local history = require "spec.chaos.history"
local leftovers = require "spec.chaos.leftovers"
local nemesis = require "spec.chaos.nemesis"

local SUICIDES = 10 -- of a hundred deaths, those that come from inside the task

local folder = arg[1]
local options = {seed = 1, tasks = 100000, kills = 1000, size = 1, retries = 0, workers = 4, chunk = 20}
for i = 2, #arg do
  local name, value = arg[i]:match("^(%a+)=(%d+)$")
  if not (name and options[name]) then error("what is '" .. arg[i] .. "'?", 0) end
  options[name] = tonumber(value)
end

-- ---- in the workers -------------------------------------------------------

local function open_log()
  local pid = core.pid()
  _G.log = assert(io.open(folder .. "/" .. pid, "a"))
  _G.log:setvbuf("full") -- a record is one write: it is flushed by itself
  _G.note = function(...)
    _G.log:write(...)
    _G.log:write("\n")
    _G.log:flush()
  end
  _G.clock = function() return ("%.9f"):format(core.clock()) end
  _G.note("born ", pid, " ", _G.clock())
end

-- What task i of process pid returns: the same few bytes over and over, so that any other piece
-- of a message shows.
local function text_of(task, pid, size)
  local unit = ("%d:%d;"):format(task, pid)
  return unit:rep(math.ceil(size / #unit))
end

local function die()
  _G.note("dying ", _G.clock())
  os.execute("kill -9 " .. core.pid())
end

-- An item is {task, size of its result, where it kills its worker or 0}.
local function work(item)
  local task, size, end_at = item[1], item[2], item[3]
  if end_at == 1 then die() end
  _G.note("start ", task, " ", _G.clock())
  if end_at == 2 then die() end
  local text = text_of(task, core.pid(), size)
  _G.note("finish ", task, " ", _G.clock())
  if end_at == 3 then die() end
  return text
end

-- ---- in the parent --------------------------------------------------------

-- The process that made this text for this task, nil when the text is not whole.
local function maker_of(task, text, size)
  local pid = tonumber(text:match("^%d+:(%d+);"))
  return pid and text == text_of(task, pid, size) and pid or nil
end

-- The sizes spread evenly over the powers of two.
local function size_from(random)
  local size = 1
  while size < options.size and random(24) > 1 do size = size * 2 end
  return math.min(options.size, size / 2 + random(math.ceil(size / 2)))
end

-- The items one by one; what they need to be known by again is kept in sizes.
local function item_source(sizes)
  local random, task = nemesis.random(options.seed), 0
  local suicides = options.kills * SUICIDES / 100
  return function()
    task = task + 1
    if task > options.tasks then return nil end
    local size = options.size == 1 and 1 or math.floor(size_from(random))
    sizes[task] = options.size > 1 and size or nil
    local dies = random(options.tasks) <= suicides
    return {task, size, dies and random(3) or 0}
  end
end

-- When this process began, which tells it from others that had its number; nil: it is gone.
local function birth_of(pid)
  local file = io.open(("/proc/%d/stat"):format(pid))
  local text = file and file:read("*a")
  if file then file:close() end
  return text and text:match("%) " .. ("%S+ "):rep(19) .. "(%d+)")
end

-- A worker that was not told to die before, or nil. Nine of ten times it must be one that has made a
-- value, and so is known to be ready: a pool whose workers all die before that gives up, and should.
local function victim(pool, enemy)
  local stats, first = pool:stats(), enemy.random(options.workers)
  for i = first, first + options.workers - 1 do
    local pid = stats[i % options.workers + 1].pid
    local birth = pid > 0 and (enemy.anyone or enemy.ready[pid]) and birth_of(pid)
    if birth and enemy.told[pid] ~= birth then
      enemy.told[pid] = birth
      return pid
    end
  end
end

-- True when one is going to die.
local function strike(pool, told, enemy)
  local pid = victim(pool, enemy)
  if not pid then return false end
  if enemy.random(20) == 1 then
    enemy.told[pid] = nil
    enemy:pause(pid)
    return false
  end
  enemy.ready[pid] = nil
  told:kill(pid, core.clock())
  enemy:kill(pid)
  enemy.anyone = enemy.random(10) == 1
  return true
end

-- Kills in the pace of the outcomes, so that they are spread over the run.
local function run(told, sizes)
  local pool = parallel.Pool({workers = options.workers, initializer = open_log, retries = options.retries})
  local enemy = nemesis.new(nemesis.random(options.seed + 1))
  enemy.ready, enemy.told = {}, {} -- by process number
  local pace = options.kills * (100 - SUICIDES) / 100 / options.tasks
  local owed = 0
  local how = {on_error = "collect", chunksize = options.chunk > 0 and options.chunk or nil}
  for task, text in pool:imap_unordered(work, item_source(sizes), how) do
    if type(text) == "string" then
      local maker = maker_of(task, text, sizes[task] or 1)
      told:value(task, maker)
      if maker then enemy.ready[maker] = true end
    elseif text.kind == "died" then
      told:failure(task, text.pid, text.attempts)
    else
      told:problem("task %d failed: %s", task, tostring(text))
    end
    owed = owed + pace
    if owed >= 1 and strike(pool, told, enemy) then owed = owed - 1 end
  end
  enemy:close()
  local stats = pool:stats()
  pool:close()
  return stats
end

local function read_logs(told)
  local list = io.popen(("ls '%s'"):format(folder))
  for name in list:lines() do told:read(io.lines(folder .. "/" .. name)) end
  list:close()
end

local function main()
  local told, sizes = history.new(options.tasks, options.retries), {}
  local before, began = leftovers.look(folder), core.clock()
  local stats = run(told, sizes)
  local seconds = core.clock() - began
  for _, change in ipairs(leftovers.since(before, folder)) do told:problem("%s", change) end
  read_logs(told)
  local problems = told:check()
  io.write(("%8d %8d %8d %8d %8d %8d %8.1f  %s\n"):format(
    options.tasks, stats.deaths, told.values, #told.failures, told.undelivered, #problems, seconds,
    #problems == 0 and "sound" or "BROKEN"))
  for _, problem in ipairs(problems) do io.write("  ", problem, "\n") end
  return #problems == 0
end

os.exit(main() and 0 or 1)
