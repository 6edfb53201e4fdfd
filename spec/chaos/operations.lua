--- operations: what is done to a pool at random, as seeded sources of random numbers say.
--
-- Each operation draws from a source of its own, so that what a seed does depends on the clock as
-- little as can be. Callbacks and inputs do operations too, inside of others.
local parallel = require "parallel"
local core = require "parallel.core"
local kinds = require "spec.chaos.kinds"
local nemesis = require "spec.chaos.nemesis"
local session = require "spec.chaos.session"

local MOST_KILLS = 8

local chance, pick, try = nemesis.chance, nemesis.pick, session.try

local operations = {}

local perform = {} -- by name: what it does

-- ---- operations on tasks --------------------------------------------------

local function callback_of(self, random, subject)
  local meddler, raises = self:meddler(random), chance(random, 10)
  subject.attended = true
  return function()
    subject.told = (subject.told or 0) + 1
    meddler()
    if raises then error("a callback's own") end
  end
end

local function submit_one(self, random, is_plain)
  local kind, limit = self:choose(random, self.depth > 1)
  if is_plain then kind, limit = "value", nil end
  local task = self.ledger:add(kind, limit, chance(random, 40) and random(3) - 1 or nil)
  local how = {timeout = limit, retries = task.retries, label = chance(random, 30) and "label" or nil}
  if chance(random, 40) then
    how.callback = callback_of(self, random, task)
    how.error_callback = how.callback
  end
  local result = self.pool:apply_async(self.run_task, {self:arguments_of(task)}, how)
  return self:track(result, task, self:lasts_forever(task))
end

function perform.submit(self, random)
  local count = chance(random, 30) and random(40) or random(3)
  for _ = 1, count do
    if self:is_over() then return end
    submit_one(self, random, count > 3 and chance(random, 85))
  end
end

function perform.map_async(self, random)
  local job, items, how = self:draw_job(random, self.depth > 1)
  if chance(random, 40) then
    how.callback = callback_of(self, random, job)
    how.error_callback = how.callback
  end
  local result = self.pool:map_async(self.run_item, self:input(random, job, items), how)
  local one = self:track(result, job, job.endless)
  if chance(random, 25) then self:cancel(one) end
end

-- On one worker. Its tasks have no limit of their own.
function perform.engine(self, random)
  for _ = 1, random(4) do
    if self:is_over() then return end
    local can_last = self.depth == 1 or self.options.timeout
    local task = self.ledger:add(pick(random, chance(random, 70) and kinds.QUICK
      or (chance(random, 50) or not can_last) and kinds.DEADLY or kinds.ENDLESS))
    task.engine = true
    local engine = self.pool[random(self.pool.workers)]
    self:track(engine:submit(self.run_task, self:arguments_of(task)), task, self:lasts_forever(task))
  end
end

function perform.apply(self, random)
  local kind = pick(random, kinds.QUICK)
  local task = self.ledger:add(kind)
  local ok, value = try(self.pool.apply, self.pool, self.run_task, self:arguments_of(task))
  self.ledger:outcome(task, ok, value, "apply")
end

function perform.map(self, random)
  local job, items, how = self:draw_job(random, true)
  local name = chance(random, 20) and "starmap" or "map"
  local f = name == "map" and self.run_item or self.run_task
  local ok, value = try(self.pool[name], self.pool, f, self:input(random, job, items), how)
  self.ledger:outcome(job, ok, value, name)
end

function perform.each(self, random)
  local job, items, how = self:draw_job(random, true)
  local ok, count = try(self.pool.each, self.pool, self.run_item, items, how)
  if not ok and parallel.is_failure(count) then return end
  if not ok then error(count, 0) end
  if job.on_error ~= "collect" or count == #job.tasks then return end
  self.ledger:problem("each counted %d of %d", count, #job.tasks)
end

-- What an iteration gives: an item's result, or what is raised for an item. True at its end.
local function take_result(self, job, ok, i, value)
  if ok and i == nil then return true end
  if not ok and parallel.is_failure(i) and job.tasks[i.index] then i, value = i.index, i end
  if job.tasks[i] then
    self.ledger:outcome(job.tasks[i], not parallel.is_failure(value), value, "an iteration")
  elseif not (job.raises or self:is_over()) then
    self.ledger:problem("an iteration over %s raised %s", job.name, tostring(i))
  end
  return not job.tasks[i]
end

local function check_iteration(self, job, count)
  if self:is_over() or job.raises then return end
  if job.on_error == "collect" and count ~= #job.tasks then
    self.ledger:problem("an iteration over %s gave %d of %d", job.name, count, #job.tasks)
  end
end

function perform.iterate(self, random)
  local job, items, how = self:draw_job(random, true)
  local name = chance(random, 50) and "imap" or "imap_unordered"
  items = self:input(random, job, items)
  local step, _, _, iteration = self.pool[name](self.pool, self.run_item, items, how)
  local most, meddler = chance(random, 50) and random(8) - 1 or math.huge, self:meddler(random)
  for count = 0, most do
    if count == most or self:is_over() then break end
    if take_result(self, job, try(step)) then return check_iteration(self, job, count) end
    if count == 1 then meddler() end
  end
  if chance(random, 60) then -- else it is for the collector
    iteration:close()
    self.ledger:stop(job)
  end
end

function perform.cancel(self, random)
  local live = self:unfinished(true)
  for _ = 1, math.min(#live, random(6)) do
    if self:is_over() then return end
    self:cancel(pick(random, live))
  end
end

-- ---- operations on results ------------------------------------------------

local function results_of(list)
  local results = {}
  for i, one in ipairs(list) do results[i] = one.result end
  return results
end

function perform.wait(self, random)
  local list, limit = self:unfinished(), pick(random, {0, 0.001, 0.01, 0.05})
  if #list == 0 then return end
  local one = pick(random, list)
  if chance(random, 50) then return self:get(one, limit, "get in time") end
  if one.result:wait(limit) then self:get(one, 0, "wait") end
end

function perform.wait_for_some(self, random)
  parallel.wait(results_of(self:unfinished()), random(50) / 1000)
end

function perform.as_completed(self, random)
  local list = self:unfinished()
  for result in parallel.as_completed(results_of(list), random(50) / 1000) do
    for _, one in ipairs(list) do
      if one.result == result and not one.done then self:get(one, 0, "as_completed") end
    end
    if self:is_over() then return end
  end
end

function perform.wait_for_all(self)
  for _, one in ipairs(self:unfinished()) do
    if self:is_over() then return end
    if not one.done then self:settle(one) end
  end
end

-- ---- operations on workers ------------------------------------------------

function perform.resize(self, random) self.pool:resize(random(4)) end

function perform.step(self, random)
  for _ = 1, random(5) do
    if self:is_over() then return end
    core.poll({self.pool:pollfd()}, math.min(self.pool:timeout() or 0.005, 0.005))
    if not self:is_over() then self.pool:step() end
  end
end

function perform.stats(self)
  local stats = self.pool:stats()
  if stats.busy >= 0 and stats.queued >= 0 then return end
  self.ledger:problem("%d are busy, %d queued", stats.busy, stats.queued)
end

function perform.nap(_, random) kinds.spin(random(20) / 1000) end

-- A worker that has run something: a pool whose workers all die before that gives up, and should.
function perform.kill(self, random)
  local stats, killed = self.pool:stats(), self.ledger.killed
  local pid = stats[random(self.pool.workers)].pid
  local log = io.open(("%s/%d.log"):format(self.folder, pid))
  if log then log:close() end
  if not log or killed[pid] or self.kills == MOST_KILLS then return end
  if chance(random, 25) then return self.enemy:pause(pid) end
  self.kills = (self.kills or 0) + 1
  killed[pid] = true
  self:note("kill %d", pid)
  self.enemy:kill(pid)
end

-- A call of all workers; one that dies or is late fails it.
local function ask_all(self, method, ...)
  local ok, value = try(self.pool[method], self.pool, ...)
  if ok then return value end
  local is_gone = parallel.is_failure(value, "died")
    and (self.ledger.killed[value.pid] or value.message:find("has ended, and what"))
  if is_gone or self.options.timeout and parallel.is_failure(value, "timeout") then return nil end
  if not self.ledger.terminated then error(value, 0) end
end

local function expect_of_all(self, list, value, count)
  for i = 1, list and not self:is_over() and count or 0 do
    local answer = tostring(list[i])
    if list[i] ~= value then self.ledger:problem("worker %d answered %s, not %d", i, answer, value) end
  end
end

function perform.broadcast(self, random)
  local count, n = self.pool.workers, random(1000)
  expect_of_all(self, ask_all(self, "broadcast", function(x) return x + 1 end, n), n + 1, count)
end

function perform.push(self, random)
  local count, n = self.pool.workers, random(1000)
  ask_all(self, "push", {pushed = n})
  if self:is_over() or self.depth > 1 then return end
  if count == self.pool.workers then ask_all(self, "pull", "pushed") end
end

function perform.reduce(self, random)
  local list, sum = {}, 0
  for i = 1, random(1000) do list[i], sum = i, sum + i end
  local value = ask_all(self, "reduce", function(a, b) return a + b end, list, {chunksize = random(300)})
  if value and value ~= sum then self.ledger:problem("the sum is %s, not %d", tostring(value), sum) end
end

-- Another pool of this process calls back while this one is waited for, or not.
function perform.aside(self, random)
  local meddler = self:meddler(random)
  self.side:apply_async(kinds.spin, {random(20) / 1000}, {callback = meddler, error_callback = meddler})
end

-- ---- its end --------------------------------------------------------------

function perform.terminate(self)
  self.ledger.terminated = true
  self.pool:terminate()
end

function perform.close(self, random)
  self.ledger.closing = true
  self.pool:close(random(50) / 1000)
end

-- What waits for workers, and would wait for ever where none ends.
perform.waits = {
  apply = true, map = true, each = true, iterate = true, wait_for_all = true, broadcast = true,
  push = true, reduce = true, close = true,
}

--- Which operations a pool can do, and how often each comes.
function operations.names(pool_has)
  local words = "submit submit map_async map_async cancel cancel wait_for_all stats nap "
  if not pool_has.no_workers then words = words .. "resize kill kill engine step step " end
  if not pool_has.an_event_loop then
    words = words .. "submit apply map map iterate iterate each reduce cancel wait wait "
      .. "wait_for_some as_completed broadcast push aside "
  end
  local names = {inner = {"terminate"}}
  for name in words:gmatch("%S+") do
    names[#names + 1] = name
    if name ~= "wait_for_all" and name ~= "nap" then names.inner[#names.inner + 1] = name end
  end
  return names
end

operations.perform = perform

return operations
