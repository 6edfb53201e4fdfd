--- engines: the workers of a pool as places where things are kept.
--
--    pool:push{k = 3}  pool:pull("k")  pool:execute("n = k * 2")
--    pool:scatter("part", list)  pool:gather("part")
--    pool[2]:submit(f, ...)  pool[2]:apply(f, ...)      (parallel.pool.engine)
--
-- What was pushed is part of the pool's set-up: a worker that replaces another gets it.
-- A part that was scattered was in one worker only, and is lost with it; so is what
-- `execute` and calls left there. Who uses such a worker next is told, once.
local check = require("parallel.base.check")
local core = require("parallel.core")
local directed = require("parallel.pool.directed")
local engine = require("parallel.pool.engine")
local failure = require("parallel.base.failure")

local load_text = rawget(_G, "loadstring") or load

local Engines = {}
Engines.__index = Engines

-- ---- what was lost --------------------------------------------------------
-- scattered[name][worker] is the process that got this part, or false when it is gone;
-- holders[worker] the process that got the last, while nobody was told that it is gone.

local function lost(worker, names)
  return failure.new({kind = "died", worker = worker, message =
    ("worker %d has ended, and what it held of %s with it: scatter it again"):format(worker, names)})
end

-- From now on the worker is this process (nil: some other one). Returns what was lost with the last.
local function take_over(self, worker, pid)
  local names = {}
  for name, pids in pairs(self.scattered) do
    if pids[worker] ~= nil and pids[worker] ~= pid then pids[worker] = false end
    if pids[worker] == false then names[#names + 1] = "'" .. name .. "'" end
  end
  self.holders[worker] = pid
  table.sort(names)
  return table.concat(names, ", ")
end

-- The name is no part of anything any more.
local function forget(self, name)
  self.scattered[name] = nil
  for worker in pairs(self.holders) do
    local holds = false
    for _, pids in pairs(self.scattered) do holds = holds or pids[worker] end
    if not holds then self.holders[worker] = nil end
  end
end

--- The process that the worker must still be, or nil.
function Engines:holder(worker) return self.holders[worker] end

--- The worker was found to be another process: the Failure that says so.
function Engines:lose(worker) return lost(worker, take_over(self, worker, nil)) end

local function check_whole(self, name)
  for worker, pid in ipairs(self.scattered[name] or {}) do
    if not pid or worker > self.pool.crew.workers then error(lost(worker, "'" .. name .. "'"), 0) end
  end
end

-- ---- in every worker ------------------------------------------------------

local function hold(name, part)
  rawset(_G, name, part)
  return require("parallel.core").pid()
end

local function get(name) return rawget(_G, name) end

local function execute(code) return assert((rawget(_G, "loadstring") or load)(code))() end

-- f, one of these, in every worker; arguments[worker] are {bytes, parcel}.
local function everywhere(self, f, arguments, holders)
  local crew = self.pool.crew
  local version = crew.functions:take(f)
  local ok, results = pcall(directed.everywhere, self.pool, function(worker)
    return {version = version, arguments = arguments[worker][1], parcel = arguments[worker][2],
            pid = holders and holders[worker], limit = f == execute and crew.timeout or nil}
  end, function(worker) return self:lose(worker) end)
  crew.functions:release(version)
  if not ok then error(results, 0) end
  return results
end

-- The same argument for all.
local function each(self, value)
  local arguments, all = {directed.arguments(value)}, {}
  for worker = 1, self.pool.crew.workers do all[worker] = arguments end
  return all
end

-- Raises where in the value is what cannot be sent; something is there.
local function refuse(name, value)
  local ok, path = pcall(core.encode_trusted, {value})
  if ok then error(name .. " changed while it was sent", 0) end
  error(failure.new({kind = "unsendable", message = name .. tostring(path):gsub("^%[1%]", "")}), 0)
end

--- Set globals, which the values are by name, in every worker.
function Engines:push(values)
  local crew = self.pool.crew
  local waiting, failed = crew.workers, nil
  local ok = pcall(crew.push, crew, values, function(kind, worker, detail)
    waiting = waiting - 1
    if kind == "ended" then failed = failed or detail end
    if kind ~= "error" then return end -- the successor of one that died has them already
    failed = failed or failure.new({kind = "error", worker = worker, pid = detail.pid,
                                    label = "worker " .. worker, message = detail.message})
  end)
  if not ok then refuse("values", values) end
  for name in pairs(values) do forget(self, name) end
  self.pool:work_until(function() return waiting == 0 end)
  if failed then error(failed, 0) end
end

--- A global's values, by worker.
function Engines:pull(name)
  check_whole(self, name)
  return everywhere(self, get, each(self, name), self.holders)
end

--- Run this text; the first values that it returns, by worker.
function Engines:execute(code)
  local made, why = load_text(code)
  if not made then check.fail(why) end
  return everywhere(self, execute, each(self, code), self.holders)
end

-- ---- parts ----------------------------------------------------------------

-- Where a worker's part of n items begins: the first parts have one more than the last.
local function first_of(worker, n, workers)
  local least = math.floor(n / workers)
  return (worker - 1) * least + math.min(worker - 1, n - least * workers) + 1
end

local function part_of(list, worker, n, workers)
  local part = {}
  for i = first_of(worker, n, workers), first_of(worker + 1, n, workers) - 1 do
    part[#part + 1] = list[i]
  end
  return part
end

-- By its place in the list, not in the part.
local function refuse_item(list, n)
  for i = 1, n do
    if not pcall(core.encode_trusted, list[i]) then refuse(("list[%d]"):format(i), list[i]) end
  end
  refuse("list", list)
end

local function part_arguments(name, list, workers)
  local arguments, n = {}, list.n or #list
  for worker = 1, workers do
    local ok, bytes, parcel = pcall(directed.arguments, name, part_of(list, worker, n, workers))
    if not ok then refuse_item(list, n) end
    arguments[worker] = {bytes, parcel}
  end
  return arguments
end

--- Give each worker its part of the list as this global.
function Engines:scatter(name, list)
  local crew = self.pool.crew
  local arguments = part_arguments(name, list, crew.workers)
  crew.globals:forget({[name] = true})
  forget(self, name)
  local pids = everywhere(self, hold, arguments)
  self.scattered[name] = pids
  for worker, pid in ipairs(pids) do take_over(self, worker, pid) end
end

--- The lists that this global is in the workers, joined.
function Engines:gather(name)
  local parts, all = self:pull(name), {}
  for worker = 1, self.pool.crew.workers do
    local part = parts[worker]
    if type(part) ~= "table" then
      check.fail(("cannot gather '%s': in worker %d it is no list, but %s"):format(
        name, worker, type(part) == "nil" and "nil" or "a " .. type(part)))
    end
    for i = 1, part.n or #part do all[#all + 1] = part[i] end
  end
  return all
end

-- ---- one by one -----------------------------------------------------------

--- Keep in the pool what an engine has under way, so that it ends with the pool.
function Engines:add(open, class)
  self.pool.crew:add(setmetatable(open, class))
  return open
end

--- As many as the pool has workers now: pool[1] and so on.
function Engines:number()
  local pool, workers = self.pool, self.pool.crew.workers
  for worker = self.count + 1, workers do pool[worker] = engine.new(pool, worker) end
  for worker = workers + 1, self.count do pool[worker] = nil end
  self.count = workers
end

-- ---- as methods of the pool -----------------------------------------------

-- What each takes, by name.
local TAKES = {push = {"table"}, pull = {"string"}, execute = {"string"},
               scatter = {"string", "table"}, gather = {"string"}}

local engines = {}

--- Give the class of pools these methods, and pool[i].
function engines.add_to(Pool)
  for name, types in pairs(TAKES) do
    Pool[name] = function(self, ...)
      self:check_open()
      for i, wanted in ipairs(types) do check.type(select(i, ...), wanted, i, name) end
      local results = self.engines[name](self.engines, ...)
      if results then return results end
    end
  end
  setmetatable(Pool, {__index = function(_, key)
    if type(key) == "number" then check.fail(("the pool has no worker %s"):format(key)) end
  end})
end

--- Of this pool.
function engines.new(pool)
  local made = setmetatable({pool = pool, scattered = {}, holders = {}, count = 0}, Engines)
  made:number()
  return made
end

return engines
