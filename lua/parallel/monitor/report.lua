--- report: what a pool did, as one page of HTML: when each worker worked, how much of the
-- time, which tasks took longest, and what failed.
--
-- The page needs nothing but itself, and follows the reader's choice of light or dark.
-- Takes what parallel.timeline tells, and is written when it is closed.
local core = require("parallel.core")
local report_page = require("parallel.monitor.report_page")

local MOST_SLICES = 20000  -- drawn; of more, the longer ones
local SLOWEST = 20         -- tasks in the table
local MOST_FAILURES = 200

local Report = {}
Report.__index = Report

local function by_length(a, b) return a.seconds > b.seconds end

-- Forgets the shorter half when there are twice as many as are wanted.
local function thin_out(list, most)
  if #list < 2 * most then return end
  table.sort(list, by_length)
  for i = #list, most + 1, -1 do list[i] = nil end
end

local function row_of(self, worker)
  self.rows[worker] = self.rows[worker] or {tasks = 0, busy = 0, marks = {}}
  self.last = math.max(self.last, worker)
  return self.rows[worker]
end

--- The worker did this from `start` on for so many seconds. `args.items` tells of a chunk.
function Report:slice(worker, name, start, seconds, args)
  row_of(self, worker)
  local slice = {worker = worker, name = name, start = start - self.start, seconds = seconds}
  if args and args.items then
    self.chunks[#self.chunks + 1] = slice
    thin_out(self.chunks, MOST_SLICES)
  else
    self.tasks[#self.tasks + 1] = slice
    thin_out(self.tasks, MOST_SLICES)
  end
end

--- So many tasks took the worker so many seconds.
function Report:ran(worker, tasks, seconds)
  local row = row_of(self, worker)
  row.tasks, row.busy = row.tasks + tasks, row.busy + seconds
end

--- This happened to the worker just now.
function Report:instant(worker, name)
  local marks = row_of(self, worker).marks
  marks[#marks + 1] = {at = core.clock() - self.start, name = name}
end

--- A partition of a job has so many records.
function Report:partition(number, records)
  self.partitions, self.records = self.partitions + 1, self.records + records
  if self.largest and records <= self.largest.records then return end
  self.largest = {number = number, records = records}
end

--- A task failed for good.
function Report:failed(failed)
  self.failures = self.failures + 1
  if self.failures <= MOST_FAILURES then self.failed_tasks[self.failures] = failed end
end

--- Write the page. Twice is harmless. True, or nil and why it is not whole.
function Report:close()
  if not self.file then return true end
  self.seconds = core.clock() - self.start
  table.sort(self.tasks, by_length)
  self.slowest = {}
  for i = 1, math.min(SLOWEST, #self.tasks) do self.slowest[i] = self.tasks[i] end
  local ok, why = self.file:write(report_page.render(self))
  if ok then ok, why = self.file:flush() end
  self.file:close()
  self.file = nil
  return ok and true, why
end

local report = {}

--- Of the pool of this name, into the file of that one, which is made anew. Or nil, message.
function report.open(path, name)
  local file, why = io.open(path, "w")
  if not file then return nil, why end
  return setmetatable({
    file = file, title = name, start = core.clock(), date = os.date("%Y-%m-%d %H:%M:%S"), rows = {}, last = 0,
    chunks = {}, tasks = {}, failures = 0, failed_tasks = {}, partitions = 0, records = 0,
  }, Report)
end

return report
