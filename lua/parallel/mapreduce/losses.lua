--- losses: the splits of a job that failed for good, and whether it goes on without them.
--
-- Some may be skipped (the job's `skip_bad`): the result then lacks them, and says so.
-- More than these count as failed, and the job's `halt` says when it ends of that. A job that
-- reduces gives no result when any failed: over missing input it would be wrong. One
-- that only maps and never halts keeps what the others printed.
local failure = require("parallel.base.failure")
local halt = require("parallel.mapreduce.halt")

local Losses = {}
Losses.__index = Losses

local function tell(self, failed)
  if self.on_failure then self.on_failure(failed) end
end

local function is_skipped(self, failed)
  if #self.skipped >= self.most_skipped then return false end
  table.insert(self.skipped, failed)
  return true
end

--- This Failure of a split, one of so many, is for good. Raises it when the job ends at once.
function Losses:take(failed, total)
  if is_skipped(self, failed) then return tell(self, failed) end
  table.insert(self.failed, failed)
  if self.rule:is_reached(#self.failed, total) then
    if self.rule.when == "now" then error(failed, 0) end
    self.stopping = true
  end
  tell(self, failed)
end

--- All is mapped: raises when there can be no result.
function Losses:check(is_map_only)
  local count = #self.failed
  if count == 0 or (is_map_only and not self.stopping) then return end
  if count == 1 and not self.on_failure then error(self.failed[1], 0) end
  local first = self.on_failure and "" or ", the first: " .. tostring(self.failed[1])
  local message = ("%d split%s failed%s"):format(count, count == 1 and "" or "s", first)
  error(failure.new({kind = "error", message = message, failures = self.failed}), 0)
end

local losses = {}

--- Of a job: its fields halt, skip_bad, and on_failure, a function that is told of each Failure
-- that does not end the job at once.
function losses.new(job)
  return setmetatable({
    rule = halt.rule(job.halt), most_skipped = job.skip_bad or 0, on_failure = job.on_failure,
    skipped = {}, failed = {}, stopping = false,
  }, Losses)
end

return losses
