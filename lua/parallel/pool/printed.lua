--- printed: what tasks print, shown in the order of the tasks, for output = "ordered".
--
-- A report is {place =, report =, stdout, stderr}, as core.outcomes tells it. What a
-- task printed waits here until all those before it have their outcomes; a task that
-- is run again after its worker died has printed twice.
local Printed = {}
Printed.__index = Printed

local printed = {}

--- Print what is in a report.
function printed.show(report)
  if report[1] ~= "" then io.stdout:write(report[1]) end
  if report[2] ~= "" then
    io.stdout:flush()
    io.stderr:write(report[2])
  end
end

local function show(self, number)
  for _, report in ipairs(self.reports[number] or {}) do printed.show(report) end
  self.reports[number] = nil
end

--- These have their outcome now; twice is harmless.
function Printed:ended(first, last)
  for number = math.max(first, self.next), last do self.outcomes[number] = true end
  while self.outcomes[self.next] do
    show(self, self.next)
    self.outcomes[self.next] = nil
    self.next = self.next + 1
  end
end

-- One that comes when its task has its outcome, out of a command that went on, is late.
local function add(self, number, report)
  if number < self.next then return printed.show(report) end
  local reports = self.reports[number] or {}
  self.reports[number] = reports
  reports[#reports + 1] = report
end

--- Reports of the items of a chunk, each of which counts once.
function Printed:take(chunk, reports)
  for _, report in ipairs(reports or {}) do
    if report.report >= (chunk.reports or 0) then
      chunk.reports = report.report + 1
      add(self, chunk.first + math.max(report.place, 1) - 1, report)
    end
  end
end

--- There are no outcomes to wait for any more: the rest is shown, and what comes late when it comes.
function Printed:close()
  local numbers = {}
  for number in pairs(self.reports) do numbers[#numbers + 1] = number end
  table.sort(numbers)
  for _, number in ipairs(numbers) do show(self, number) end
  self.next = math.huge
end

--- For the field `printed` of a source (see parallel.pool.singles).
function printed.new() return setmetatable({next = 1, outcomes = {}, reports = {}}, Printed) end

return printed
