--- engine: one worker of a pool, which keeps what is left in it: pool[i].
local async_result = require("parallel.pool.async_result")
local check = require("parallel.base.check")
local core = require("parallel.core")
local directed = require("parallel.pool.directed")
local failure = require("parallel.base.failure")

local Engine = {}
Engine.__index = Engine

-- Its results' source (see parallel.pool.async_result): what was submitted and has no outcome yet.
local Open = {}
Open.__index = Open

local function settle(self, result, values, failed)
  if not self.calls[result] then return end
  self.pool.crew.functions:release(self.calls[result].version)
  self.calls[result] = nil
  result.worker = self.worker
  result:settle(values, failed, result.began)
end

local function cancelled(self, result, place)
  return failure.new({kind = "cancelled", index = result.index, worker = self.worker, place = place})
end

--- For result:cancel(): true when there will be no result.
function Open:give_up(result)
  local call, crew = self.calls[result], self.pool.crew
  local how = crew.transport:cancel(call.task)
  if how == "withdrawn" then crew.held[call.task] = nil end
  result.gave_up = how ~= nil
  if how and how ~= "stopped" then settle(self, result, nil, cancelled(self, result)) end
  return result.gave_up
end

--- The pool is terminated.
function Open:cancel(make_failure)
  for result in pairs(self.calls) do
    local failed = make_failure()
    failed.index = result.index
    self.calls[result] = nil
    result:settle(nil, failed)
  end
end

--- It has nothing to hand out to whichever worker is free.
function Open:wants() return false end

local function new_result(self)
  self.last = self.last + 1
  self.open = self.open or self.pool.engines:add({worker = self.worker, pool = self.pool, calls = {}}, Open)
  self.class = self.class or async_result.class(self.pool, self.open)
  return setmetatable({index = self.last, began = core.clock()}, self.class)
end

local function arguments_of(self, version, ...)
  local ok, arguments, parcel = pcall(directed.arguments, ...)
  if ok then return arguments, parcel end
  self.pool.crew.functions:release(version)
  local why = failure.at_path("args", arguments)
  error(failure.new({kind = "unsendable", index = self.last + 1, message = why}), 0)
end

local function check_there(self)
  local workers = self.pool.crew.workers
  if self.worker > workers then
    check.fail(("there is no worker %d any more: the pool has %d"):format(self.worker, workers))
  end
end

local function submit(self, name, f, ...)
  local pool = self.pool
  pool:check_open()
  check.callable(f, 1, name)
  check_there(self)
  local version = pool:capture(f)
  local arguments, parcel = arguments_of(self, version, ...)
  local result = new_result(self)
  local call = {version = version, arguments = arguments, parcel = parcel, limit = pool.crew.timeout,
                pid = pool.engines:holder(self.worker), index = result.index}
  local open = self.open
  open.calls[result] = call
  directed.start(pool.crew, self.worker, call, function(values, failed)
    if failed and failed.message == directed.REPLACED then failed = pool.engines:lose(self.worker) end
    if result.gave_up then values, failed = nil, cancelled(self, result, failed and failed.place) end
    settle(open, result, values, failed)
  end)
  return result
end

--- Start f(...) in this worker; returns an AsyncResult. Nothing else of the pool is
-- held up, and it is not run again when the worker ends meanwhile.
function Engine:submit(f, ...)
  local result = submit(self, "submit", f, ...)
  return result
end

--- f(...) in this worker; returns its results, or raises its Failure: of kind "died" when the
-- worker was replaced, and parts that were scattered were lost with it.
function Engine:apply(f, ...)
  local result = submit(self, "apply", f, ...)
  return result:get()
end

return {
  --- The engine of this number in the pool, from 1.
  new = function(pool, worker) return setmetatable({pool = pool, worker = worker, last = 0}, Engine) end,
}
