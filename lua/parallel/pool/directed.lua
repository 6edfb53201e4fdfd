--- directed: calls of one worker each, instead of whichever is free.
--
-- They are in no source: what they lose with their worker is lost, and they are not run again.
local core = require("parallel.core")
local failure = require("parallel.base.failure")
local interruption = require("parallel.base.interruption")
local packing = require("parallel.base.packing")
local printed = require("parallel.pool.printed")

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

-- Adds what a part of the answer tells to what is known.
local function read(answer, bytes, parcel)
  local last, failures, _, reports = core.outcomes(bytes, answer.results, 0, answer.settled, 1, parcel, true)
  for _, report in ipairs(reports or {}) do printed.show(report) end
  answer.settled, answer.failed = last, answer.failed or failures and failures[1]
end

local function complete(failed, crew, worker, call)
  failed.worker, failed.pid, failed.index = worker, crew.pids[worker], call.index
  if failed.kind == "stopped" then
    failed.kind, failed.message, failed.value, failed.seconds = "timeout", nil, nil, call.limit
  elseif failed.kind == "error" and crew.options.workers > 0 then
    failed.message = crew:explain(failed.message)
  end
  return failure.new(failed)
end

--- Have the worker make this call: {version =, arguments = bytes of core.calls, parcel =,
-- limit = seconds or nil, pid = the process that it must still be or nil, index = of the Failure}.
-- when(values, failed) gets packed results or a Failure, once. `call.task` is then the task's number.
function directed.start(crew, worker, call, when)
  local answer = {results = {}, settled = 0}
  local function receive(kind, _, detail, parcel)
    if kind == "ended" then return when(nil, detail) end
    if kind == "part" or kind == "result" then read(answer, detail, parcel)
    else return when(nil, failure_of(kind, worker, detail, call)) end
    if kind == "part" then return end
    if answer.failed then return when(nil, complete(answer.failed, crew, worker, call)) end
    if answer.settled == 1 then return when(answer.results[1]) end
    directed.start(crew, worker, call, when) -- the worker retired first
  end
  local calls, bulk = call.arguments, nil
  if type(calls) == "userdata" then calls, bulk = nil, calls end
  local payload = core.encode_trusted("run_in", call.pid or false, call.version.number, "calls", calls, 1)
  call.task = crew:tell(worker, receive, call.parcel, call.limit, payload, bulk)
end

--- The arguments as a call has them: bytes, parcel. Raises "[1].x: REASON" for what cannot be sent.
function directed.arguments(...)
  local ok, call, parcel = pcall(core.call, ...)
  if ok then return call:bytes(), parcel end
  interruption.pass_on(call)
  core.encode_trusted(packing.pack(...)) -- raises again, with the number of an only argument too
  error(call, 0) -- there was no memory, or an argument has changed meanwhile
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
-- With `lost`, a call that found its worker replaced is lost(worker) instead.
function directed.everywhere(pool, make, lost)
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
  pool:work_until(function() return waiting == 0 end)
  raise_first(failures, workers)
  return results
end

return directed
