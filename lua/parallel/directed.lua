--- directed: calls of one worker each, instead of whichever is free.
--
-- They are in no source: what they lose with their worker is lost, and they are not run again.
local core = require("parallel.core")
local failure = require("parallel.failure")
local interruption = require("parallel.interruption")
local packing = require("parallel.packing")
local printed = require("parallel.printed")

local directed = {}

-- Why a worker refuses: it is not the process that is meant.
directed.REPLACED = "the worker was replaced"

local function failure_of(kind, worker, detail, call)
  local late = kind == "death" and detail.ordered
  return failure.new({
    kind = late and "timeout" or kind == "death" and "died" or "error",
    seconds = late and call.limit or nil, index = call.index,
    worker = worker, pid = detail.pid, message = detail.message,
    traceback = detail.traceback, signal = detail.signal, exitcode = detail.exitcode})
end

-- The results, packed; or nil and a Failure; or nothing, when the worker retired first.
local function read(crew, worker, bytes, parcel, call)
  local values = {}
  local _, failures, _, reports = core.outcomes(bytes, values, 0, 0, 1, parcel, true)
  for _, report in ipairs(reports or {}) do printed.show(report) end
  if not failures then return values[1] end
  local failed = failures[1]
  failed.worker, failed.pid, failed.index = worker, crew.pids[worker], call.index
  if failed.kind == "stopped" then
    failed.kind, failed.message, failed.value, failed.seconds = "timeout", nil, nil, call.limit
  elseif failed.kind == "error" and crew.options.workers > 0 then
    failed.message = crew:explain(failed.message)
  end
  return nil, failure.new(failed)
end

--- Have the worker make this call: {version =, arguments = bytes of core.calls, parcel =,
-- limit = seconds or nil, pid = the process that it must still be or nil, index = of the Failure}.
-- when(values, failed) gets packed results or a Failure, once. `call.task` is then the task's number.
function directed.start(crew, worker, call, when)
  local parts, parcel = "", nil
  local function receive(kind, _, detail, came)
    parcel = came or parcel -- at most one: there is one result
    if kind == "part" then
      parts = parts .. detail
    elseif kind ~= "result" then
      when(nil, failure_of(kind, worker, detail, call))
    else
      local values, failed = read(crew, worker, parts .. detail, parcel, call)
      if values or failed then when(values, failed) else directed.start(crew, worker, call, when) end
    end
  end
  call.task = crew:tell(worker, receive, call.parcel, call.limit,
    "run_in", call.pid or false, call.version.number, "calls", call.arguments, 1)
end

--- The arguments as a call has them: bytes, parcel. Raises "[1].x: REASON" for what cannot be sent.
function directed.arguments(...)
  local calls = core.calls()
  local ok, bytes, parcel = pcall(core.encode_trusted, ...)
  if not ok then
    interruption.pass_on(bytes)
    core.encode_trusted(packing.pack(...)) -- raises again, with the number of an only argument too
    error("an argument changed while it was sent", 0)
  end
  calls:append(bytes)
  return calls:bytes(), parcel
end

-- The one of the first worker that has one.
local function raise_first(failures, workers)
  for worker = 1, workers do
    local failed = failures[worker]
    if failed then
      if failed.kind == "error" then failed.label = "worker " .. worker end
      error(failed, 0)
    end
  end
end

--- Have every worker make a call and wait for all: a list of their first results by
-- worker. make(worker) is the call; raises the Failure of the first worker that has one.
-- With `lost`, a call that found its worker replaced is lost(worker) instead. With `patience`, calls
-- that are not done after so many seconds go on, and their results are missing.
function directed.everywhere(pool, make, lost, patience)
  local crew, results, failures = pool.crew, {}, {}
  local workers = crew.workers
  local waiting = workers
  for worker = 1, workers do
    directed.start(crew, worker, make(worker), function(values, failed)
      waiting = waiting - 1
      if failed and lost and failed.message == directed.REPLACED then failed = lost(worker) end
      results[worker], failures[worker] = values and values[1], failed
    end)
  end
  pool:work_until(function() return waiting == 0 end, patience)
  raise_first(failures, workers)
  return results
end

return directed
