--- timeline: what the workers of a pool did, for its trace and its report.
--
-- A trace (parallel.trace) and a report (parallel.monitor.report) take the same: name, slice,
-- instant, close. A report is also told of failures. Here it is decided what is
-- worth a slice: each chunk, and each item in it that took a moment.
local core = require("parallel.core")
local deferred = require("parallel.base.deferred")

local report = deferred("parallel.monitor.report")
local trace = deferred("parallel.monitor.trace")

local MOMENT = 1e-4 -- seconds: a shorter item is seen in its chunk only

local Timeline = {}
Timeline.__index = Timeline

local function each(self, method, ...)
  for _, sink in ipairs(self.sinks) do
    if sink[method] then sink[method](sink, ...) end
  end
end

local function range(first, last)
  return first == last and ("task %d"):format(first) or ("tasks %d to %d"):format(first, last)
end

-- Where each item's beginning is known, the next one's is its end.
local function tell_items(self, worker, chunk, last, till)
  for place = 1, last do
    local from, to = chunk.began[place], chunk.began[place + 1] or till
    if from and to - from >= MOMENT then
      each(self, "slice", worker, ("task %d"):format(chunk.first + place - 1), from, to - from)
    end
  end
end

--- Items of a chunk began at these times: a table by place.
function Timeline:began(chunk, times)
  chunk.began = chunk.began or {}
  for place, time in pairs(times) do chunk.began[place] = time end
end

--- The worker is done with the chunk up to this place; it took so long (nil: it died just now).
function Timeline:ran(worker, chunk, last, seconds)
  local from = chunk.began and chunk.began[1]
  if not from then return end
  local till = seconds and from + seconds or core.clock()
  each(self, "name", worker, ("worker %d"):format(worker))
  if chunk.items.n > 1 then
    each(self, "slice", worker, range(chunk.first, chunk.first + last - 1), from, till - from, {items = last})
  end
  each(self, "ran", worker, last, till - from)
  if chunk.items.n > 1 then tell_items(self, worker, chunk, last, till)
  else each(self, "slice", worker, range(chunk.first, chunk.first), from, till - from) end
end

--- The worker did this, which is no part of a chunk.
function Timeline:did(worker, name, from, seconds)
  each(self, "name", worker, ("worker %d"):format(worker))
  each(self, "slice", worker, name, from, seconds)
  each(self, "ran", worker, 1, seconds)
end

--- A partition of a job has so many records.
function Timeline:partition(number, records) each(self, "partition", number, records) end

--- Something happened to a worker.
function Timeline:happened(worker, what, args) each(self, "instant", worker, what, args) end

--- A task failed for good.
function Timeline:failed(failed)
  local what = (failed.index and "task " .. failed.index or tostring(failed.label)) .. " failed"
  each(self, "instant", failed.worker or 0, what, {message = failed.message})
  each(self, "failed", failed)
end

--- True, or nil and a message when not all of it could be written.
function Timeline:close()
  local problem
  for _, sink in ipairs(self.sinks) do
    local ok, why = sink:close()
    if not ok then problem = problem or ("cannot write '%s': %s"):format(sink.path, why) end
  end
  return not problem or nil, problem
end

local timeline = {}

local function open(sinks, module, path, name)
  if not path then return end
  local sink, why = module.open(path, name)
  if not sink then error(("cannot write '%s': %s"):format(path, why:sub(#path + 3)), 0) end
  sink.path = path
  sinks[#sinks + 1] = sink
end

--- Shall workers tell when items begin, in a pool with these options?
function timeline.wanted(options) return options.trace ~= nil or options.report ~= nil end

--- For a pool with the options trace and report, names of files; nil without both.
-- Raises when one cannot be written.
function timeline.open(options)
  if not timeline.wanted(options) then return nil end
  local self = setmetatable({sinks = {}}, Timeline)
  open(self.sinks, trace, options.trace, options.name or "pool")
  open(self.sinks, report, options.report, options.name or "pool")
  return self
end

return timeline
