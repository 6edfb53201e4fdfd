--- session: a pool that is used at random, with what is under way on it.
--
-- Operations (see operations) draw their tasks here, and hand over the results to be looked at some
-- time; what comes of them goes to the ledger.
local parallel = require "parallel"
local core = require "parallel.core"
local kinds = require "spec.chaos.kinds"
local nemesis = require "spec.chaos.nemesis"

local chance, pick = nemesis.chance, nemesis.pick

local session = {}

-- SIGINT is how a run that hangs is ended.
local function is_interruption(why) return type(why) == "string" and why:find("interrupted", 1, true) end

local function checked(ok, ...)
  if not ok and is_interruption((...)) then error((...), 0) end
  return ok, ...
end

--- As pcall, but that SIGINT goes through.
function session.try(f, ...) return checked(pcall(f, ...)) end

local try = session.try

local Session = {}
Session.__index = Session

--- Of these: the pool, another one aside, the enemy, the ledger, the folder of logs, what tasks are
-- supplied with, and
--
--    operations    f(session, random) by name; `waits` tells those that must not meet endless tasks
--    names         which of them to do, each as often as it is to come; `inner` in callbacks
--    say           writes to the trail
--    bounded       no task is to be given that must be killed
--    is_stepped    nothing but step() is to be waited for
function session.new(options)
  local self = setmetatable(options, Session)
  local run_task = kinds.runner(self.folder)
  self.run_task = run_task
  self.run_item = function(item) return run_task(item[1], item[2], item[3]) end
  self.open = {} -- a list of {result =, subject = a task or job, endless =}
  self.depth = 0 -- of operations in callbacks
  return self
end

function Session:note(text, ...) self.say(("  "):rep(self.depth) .. text, ...) end

function Session:is_over() return self.ledger.terminated or self.ledger.closing end

--- Do the operation of this name. What it raises is a problem, unless the pool is closed by then.
function Session:perform(name, random)
  if self.operations.waits[name] and not self:free_workers() then return end
  self:note("%s", name)
  self.depth = self.depth + 1
  local ok, why = pcall(self.operations[name], self, random)
  self.depth = self.depth - 1
  if ok or self.ledger:is_of_closed_pool(why) then return end
  self.ledger:problem("%s raised %s", name, tostring(why))
  if is_interruption(why) then error(why, 0) end -- a callback's is dropped
end

--- For those who are called back: f() does some operation now and then.
function Session:meddler(random)
  local name = chance(random, 40) and pick(random, self.names.inner)
  local seed = random(1000000)
  return function()
    local ledger = self.ledger
    if not name or self.depth >= 3 or ledger.terminated then return end
    if not ledger.closing or name == "terminate" then self:perform(name, nemesis.random(seed)) end
  end
end

-- ---- tasks ----------------------------------------------------------------

--- Returns a kind and its limit. `must_end` says that nobody is going to cancel it.
function Session:choose(random, must_end)
  local n = self.bounded and random(70) or random(100)
  if n <= 4 and self.options.memory_per_worker and not self.bounded then return "hog" end
  if n <= 74 then return pick(random, kinds.QUICK), not self.bounded and chance(random, 8) and 0.3 or nil end
  if n <= 84 then return pick(random, kinds.DEADLY) end
  if self.options.timeout or not must_end and chance(random, 40) then return pick(random, kinds.ENDLESS) end
  return pick(random, kinds.ENDLESS), 0.02 + random(5) / 100
end

function Session:lasts_forever(task)
  return kinds.is_endless(task.kind) and not (task.limit or self.options.timeout)
end

--- What the task is called with.
function Session:arguments_of(task) return task.id, task.kind, self.supplies[task.kind] end

--- A job of some tasks, its items and the options of the call.
function Session:draw_job(random, must_end)
  local ledger, job, items = self.ledger, self.ledger:add_job(), {}
  local is_limited = not (self.bounded or self.options.timeout) and (must_end or chance(random, 60))
  local limit = is_limited and 0.02 + random(5) / 100 or nil
  local retries = chance(random, 30) and random(3) - 1 or nil
  local is_wild, names = chance(random, 50), {}
  for i = 1, chance(random, 25) and random(60) or random(12) do
    local kind = is_wild and self:choose(random, must_end and not limit) or pick(random, kinds.QUICK)
    local task = ledger:add(kind, limit, retries)
    job.tasks[i], items[i], names[i] = task, {self:arguments_of(task)}, task.name
    job.endless = job.endless or self:lasts_forever(task)
  end
  self:note("%s: %s", job.name, table.concat(names, ", "))
  job.on_error = pick(random, {"raise", "collect", "collect", "skip"})
  job.unordered = chance(random, 25)
  return job, items, {
    timeout = limit, retries = retries, on_error = job.on_error, ordered = not job.unordered,
    chunksize = chance(random, 50) and random(12) or nil, window = chance(random, 25) and random(20) or nil,
  }
end

--- The items one by one, from a function that may do something meanwhile, or raise.
function Session:input(random, job, items)
  if chance(random, 60) then return items end
  local meddler, at = self:meddler(random), random(#items + 1)
  job.raises = chance(random, 8) and random(#items + 1) or nil
  local i = 0
  return function()
    i = i + 1
    if i == at then meddler() end
    if i == job.raises then error("the input's own") end
    return items[i]
  end
end

-- ---- results --------------------------------------------------------------

function Session:track(result, subject, endless)
  local one = {result = result, subject = subject, endless = endless}
  subject.awaited = true
  self.open[#self.open + 1] = one
  self:note("%s%s", subject.name, endless and ", endless" or "")
  return one
end

--- What has not been looked at; `of_pool`: and has not ended either.
function Session:unfinished(of_pool)
  local list = {}
  for _, one in ipairs(self.open) do
    if not one.done and not (of_pool and one.result:has_ended()) then list[#list + 1] = one end
  end
  return list
end

local function is_not_ready(ok, why)
  return not ok and parallel.is_failure(why, "timeout") and why.message:find("^not ready after")
end

--- Get its outcome, if it comes in time. A callback may have got it meanwhile.
function Session:get(one, limit, where)
  local ok, value = try(one.result.get, one.result, limit)
  if one.done or limit and is_not_ready(ok, value) then return end
  one.done = true
  self.ledger:outcome(one.subject, ok, value, where)
end

-- Nothing but what an event loop would do.
function Session:step()
  core.poll({self.pool:pollfd()}, self.pool:timeout())
  if not self.ledger.terminated then self.pool:step() end
end

function Session:settle(one)
  while self.is_stepped and not one.result:has_ended() do self:step() end
  self:get(one, nil, "get")
end

function Session:cancel(one)
  local subject, had_ended = one.subject, one.result:has_ended()
  subject.cancelling = true
  local said = one.result:cancel()
  subject.cancelling = false
  self:note("cancel %s: %s", subject.name, tostring(said))
  if said then
    self.ledger:cancel(subject)
    if had_ended then self.ledger:problem("%s had ended and could be cancelled", subject.name) end
  elseif not one.result:has_ended() then
    self.ledger:refuse(subject, core.clock())
  end
end

--- Cancel what would keep a worker busy for ever. False: the pool has been ended meanwhile.
function Session:free_workers()
  for _, one in ipairs(self:unfinished(true)) do
    if self:is_over() then return false end
    if one.endless and not one.subject.cancelled then self:cancel(one) end
  end
  return not self:is_over()
end

return session
