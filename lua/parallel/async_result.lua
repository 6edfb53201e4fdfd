--- async_result: what a task will come to, when it is asked for.
local failure = require("parallel.failure")
local core = require("parallel.core")
local log = require("parallel.log")

local unpack = require("parallel.packing").unpack

local AsyncResult = {}
AsyncResult.__index = AsyncResult

-- A callback's error harms nobody but itself.
local function call_back(self, f, ...)
  if not f then return end
  local ok, why = pcall(f, ...)
  if ok then return end
  self.callback_error = why
  log.warn("a callback of task %s raised: %s", tostring(self.label or self.index), tostring(why))
end

--- It ended with these values (packed), or with a Failure. For the pool.
function AsyncResult:settle(values, failed)
  if self.done then return end
  self.done, self.values, self.failure = true, values, failed
  self.elapsed = core.clock() - self.began
  if failed then call_back(self, self.error_callback, failed)
  else call_back(self, self.callback, unpack(values, 1, values.n)) end
  for _, f in ipairs(self.listeners or {}) do call_back(self, f, self) end
end

--- Has it ended, one way or the other?
function AsyncResult:ready()
  if not self.done then self.pool:work(0) end
  return self.done
end

--- Did it end with a result? Raises when it has not ended.
function AsyncResult:successful()
  if not self:ready() then error("the task has not ended yet", 2) end
  return self.failure == nil
end

--- It is no longer wanted: what is queued is dropped, what runs is stopped, and
-- its Failure is of kind "cancelled". False when it has ended already.
function AsyncResult:cancel()
  if self:ready() then return false end
  return self.gave_up or self.source:give_up(self)
end

--- Wait for its end, at most so many seconds. True when it has ended.
function AsyncResult:wait(timeout)
  return self.pool:work_until(function() return self.done end, timeout)
end

--- The results. Raises the Failure it ended with, or one of kind "timeout"
-- when waiting ran out: the task goes on, and get may be called again.
function AsyncResult:get(timeout)
  if not self:wait(timeout) then
    error(failure.new({kind = "timeout", index = self.index, label = self.label,
                       message = ("not ready after %.1f s"):format(timeout)}), 0)
  end
  if self.failure then error(self.failure, 0) end
  return unpack(self.values, 1, self.values.n)
end

--- Call f(result) when it has ended; at once when it has already.
function AsyncResult:on_done(f)
  if self.done then return call_back(self, f, self) end
  self.listeners = self.listeners or {}
  table.insert(self.listeners, f)
end

local async_result = {}

--- Is this value an AsyncResult?
function async_result.is(value) return getmetatable(value) == AsyncResult end

local function first_done(results)
  for i, result in ipairs(results) do
    if result.done then return table.remove(results, i) end
  end
end

--- Iterate over results of one pool as they end; stops when the time is up.
function async_result.as_completed(results, timeout)
  local left = {}
  for i, result in ipairs(results) do left[i] = result end
  local deadline = timeout and core.clock() + timeout
  return function()
    if #left == 0 then return nil end
    local found
    left[1].pool:work_until(function()
      found = found or first_done(left)
      return found
    end, deadline and deadline - core.clock())
    return found
  end
end

function async_result.new(pool, fields)
  fields.pool, fields.done, fields.began = pool, false, core.clock()
  return setmetatable(fields, AsyncResult)
end

return async_result
