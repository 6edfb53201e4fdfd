--- history: what a chaos run did, told by those who saw it, and whether that may have happened.
--
-- Each worker keeps a log, and says before it does a thing that it is about to:
--
--    born PID TIME             it begins
--    start TASK TIME           it begins to run this task
--    finish TASK TIME          it has this task's value, and is about to return it
--    dying TIME                it is about to kill itself
--
-- The parent tells of outcomes, and of the kills that it orders. A value names
-- the process that made it. Times are of one monotonic clock.
local History = {}
History.__index = History

local MOST_PROBLEMS = 20

local history = {}

--- Of so many tasks, numbered from 1, each run again `retries` times when its worker died.
function history.new(tasks, retries)
  return setmetatable({
    tasks = tasks, retries = retries, problems = {},
    outcomes = {}, -- by task: the process that made the value, or false: it failed
    failures = {}, -- a list
    kills = {},    -- by process: a list of the times at which one was ordered, since its number may come again
    lives = {},    -- by process: a list, since its number may come again
    runs = {},     -- by task: how often it was started
    first = {}, again = {}, -- by task: its first run, and a list of the others
    values = 0, deaths = 0, undelivered = 0,
  }, History)
end

function History:problem(text, ...)
  if #self.problems < MOST_PROBLEMS then self.problems[#self.problems + 1] = text:format(...) end
end

-- ---- what was seen --------------------------------------------------------

--- The parent is about to have this process killed.
function History:kill(pid, time)
  self.kills[pid] = self.kills[pid] or {}
  table.insert(self.kills[pid], time)
end

local function note_outcome(self, task, outcome)
  if self.outcomes[task] ~= nil then self:problem("task %d has two outcomes", task) end
  self.outcomes[task] = outcome
end

--- The task has a value, made by this process; nil: it is not whole.
function History:value(task, pid)
  if not pid then self:problem("the value of task %d is torn", task) end
  note_outcome(self, task, pid or false)
  self.values = self.values + 1
end

--- The task failed since this process died.
function History:failure(task, pid, attempts)
  note_outcome(self, task, false)
  self.failures[#self.failures + 1] = {task = task, pid = pid, attempts = attempts}
end

local function note_run(self, task, run)
  self.runs[task] = (self.runs[task] or 0) + 1
  if not self.first[task] then
    self.first[task] = run
  else
    self.again[task] = self.again[task] or {}
    table.insert(self.again[task], run)
  end
end

local records = {}

function records.born(self, _, pid, time)
  pid = tonumber(pid)
  local life = {pid = pid, born = tonumber(time)}
  local lives = self.lives[pid] or {}
  local former = lives[#lives]
  if former then
    life.former, former.next_born = former, life.born
  end
  lives[#lives + 1] = life
  self.lives[pid] = lives
  return life
end

function records.start(self, life, task, time)
  if life.running then
    self:problem("process %d started task %s inside task %d", life.pid, task, life.running)
  end
  life.running = tonumber(task)
  life.run = {life = life, from = tonumber(time)}
  life.seen = life.run.from
  note_run(self, life.running, life.run)
  return life
end

function records.finish(self, life, task, time)
  if life.running ~= tonumber(task) then
    self:problem("process %d finished task %s, which it did not run", life.pid, task)
  else
    life.run.to = tonumber(time)
  end
  life.running, life.run = nil, nil
  return life
end

function records.dying(_, life, time)
  life.dying = tonumber(time)
  return life
end

--- One worker's log, or what several of the same number wrote one after the other.
function History:read(lines)
  local life
  for line in lines do
    local word, a, b = line:match("^(%a+) (%S+) ?(%S*)$")
    life = records[word](self, life, a, b)
  end
end

-- ---- what must hold -------------------------------------------------------

-- When the process was told to die: before that it lived. nil: nobody told it to. A
-- kill may have been ordered before the worker came to say that it was born.
local function told_to_die(self, life)
  if life.dying then return life.dying end
  for _, kill in ipairs(self.kills[life.pid] or {}) do
    local sooner = life.former and (life.former.seen or life.former.born) > kill
    local later = life.next_born and kill > life.next_born
    if not sooner and not later then return kill end
  end
end

local function check_value(self, task, pid)
  local found = self.first[task] and self.first[task].to and self.first[task].life.pid == pid
  for _, run in ipairs(self.again[task] or {}) do
    found = found or (run.to and run.life.pid == pid)
  end
  if not found then self:problem("task %d has a value that process %d did not finish", task, pid) end
end

-- A run that did not finish ended no sooner than its process was told to die.
local function check_overlap(self, task)
  local runs = {self.first[task]}
  for _, run in ipairs(self.again[task]) do runs[#runs + 1] = run end
  table.sort(runs, function(a, b) return a.from < b.from end)
  for i = 2, #runs do
    local ended = runs[i - 1].to or told_to_die(self, runs[i - 1].life)
    if ended and ended > runs[i].from then self:problem("task %d ran twice at a time", task) end
  end
end

local function check_task(self, task)
  local outcome = self.outcomes[task]
  if outcome == nil then self:problem("task %d has no outcome", task) end
  if outcome then check_value(self, task, outcome) end
  if (self.runs[task] or 0) > 1 + self.retries then
    self:problem("task %d ran %d times", task, self.runs[task])
  end
  if self.again[task] then check_overlap(self, task) end
  if outcome == false and self.first[task] and self.first[task].to then
    self.undelivered = self.undelivered + 1
  end
end

-- The life that this failure is about: one that was told to die, had nothing
-- else at hand, and is not the reason for another failure.
local function blamed(self, failure)
  for _, life in ipairs(self.lives[failure.pid] or {}) do
    local guilty = life.running == nil or life.running == failure.task
    if guilty and told_to_die(self, life) and not life.blamed then return life end
  end
end

local function check_failure(self, failure)
  local life = blamed(self, failure)
  if life then
    life.blamed = true
  else
    self:problem("task %d was charged with the death of process %d, without reason",
      failure.task, failure.pid)
  end
  if failure.attempts ~= 1 + self.retries then
    self:problem("task %d was given up after %d attempts", failure.task, failure.attempts)
  end
end

-- Only a death leaves a task unfinished.
local function check_life(self, life)
  local told = told_to_die(self, life)
  if told then self.deaths = self.deaths + 1 end
  if life.running and not told then
    self:problem("process %d left task %d unfinished, and nobody killed it", life.pid, life.running)
  end
end

--- The list of what must not have happened, the first twenty; empty when all is well.
function History:check()
  for task = 1, self.tasks do check_task(self, task) end
  for _, failure in ipairs(self.failures) do check_failure(self, failure) end
  for _, lives in pairs(self.lives) do
    for _, life in ipairs(lives) do check_life(self, life) end
  end
  return self.problems
end

return history
