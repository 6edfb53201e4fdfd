--- chronicle: what a map-reduce job leaves behind about its run: job log, trace and report.
local core = require("parallel.core")
local splits = require("parallel.mapreduce.splits")
local timeline = require("parallel.monitor.timeline")

local Chronicle = {}
Chronicle.__index = Chronicle

local function each_split(self, batch, f)
  for number = batch.number, batch.number + batch.count - 1 do
    local time = batch.times and batch.times[number]
    if time then f(self.feed:split(batch, number), time[1], time[2]) end
  end
end

--- A worker mapped these splits: {began, seconds} by number, or nil when nobody wants to know.
function Chronicle:mapped(batch, worker, times)
  batch.times = times
  if not self.timeline then return end
  each_split(self, batch, function(split, began, seconds)
    self.timeline:did(worker, splits.name(split), began, seconds)
  end)
end

--- What came of the batch is out, or safe: now its splits need not be mapped again.
function Chronicle:settled(batch)
  if not self.joblog then return end
  each_split(self, batch, function(split, began, seconds) self.joblog:add(split, began, seconds, 0) end)
end

--- A split failed for good, some time after its task was `sent`.
function Chronicle:failed(split, failed, sent)
  if self.joblog then self.joblog:add(split, sent, core.clock() - sent, self.joblog.status(failed)) end
  if self.timeline then self.timeline:failed(failed) end
end

--- A worker reduced a partition, into which so many records had been put.
function Chronicle:reduced(partition, worker, time, records)
  if not self.timeline then return end
  self.timeline:did(worker, ("reduce %d"):format(partition), time[1], time[2])
  self.timeline:partition(partition, records)
end

function Chronicle:died(worker)
  if self.timeline then self.timeline:happened(worker, ("worker %d died"):format(worker)) end
end

--- The job is over. True, or nil and a message when trace or report could not be written.
function Chronicle:close()
  if self.joblog then self.joblog:close() end
  if self.timeline then return self.timeline:close() end
  return true
end

local chronicle = {}

--- Of a job whose joblog is open. Raises a message when trace or report cannot be written.
function chronicle.open(job, feed)
  return setmetatable({joblog = job.joblog, feed = feed,
    timeline = timeline.open({trace = job.trace, report = job.report, name = "job"})}, Chronicle)
end

return chronicle
