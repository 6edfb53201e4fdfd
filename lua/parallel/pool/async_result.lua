--- async_result: what a task will come to, when it is asked for.
--
-- There may be a million of them, so they are small: those of one source share a
-- class, which knows pool and source, and have no fields of their own but `index`.
-- core.settle fills in `value` (or `values`, packed, when they are not one that is not
-- nil), `worker` and `elapsed`, unless the result is `attended`: then somebody is to be
-- told of its end, and `settle` is called instead.
local check = require("parallel.base.check")
local failure = require("parallel.base.failure")
local core = require("parallel.core")
local interruption = require("parallel.base.interruption")
local log = require("parallel.base.log")

local unpack = require("parallel.base.packing").unpack

local AsyncResult = {}

-- A callback's error harms nobody but itself.
local function call_back(self, f, ...)
  if not f then return end
  local ok, why = pcall(f, ...)
  if ok then return end
  interruption.pass_on(why)
  self.callback_error = why
  log.warn("a callback of task %s raised: %s", tostring(self.label or self.index), tostring(why))
end

--- Has its end been seen? Unlike `ready`, looks for no news.
function AsyncResult:has_ended() return self.value ~= nil or self.values ~= nil or self.failure ~= nil end

--- It ended with these values (packed), or with a Failure. For the pool, which goes on with `tell`;
-- `began` is when it was asked for, when that is known. May be done again if memory fails.
function AsyncResult:note(values, failed, began)
  if self:has_ended() then return end
  self.elapsed = began and core.clock() - began
  self.values, self.failure = values, failed
end

--- Its callback is called. One without may have a `value` instead of values.
function AsyncResult:tell()
  if self.failure then call_back(self, self.error_callback, self.failure)
  elseif self.callback then call_back(self, self.callback, unpack(self.values, 1, self.values.n)) end
end

--- Both, unless it has ended before.
function AsyncResult:settle(values, failed, began)
  if self:has_ended() then return end
  self:note(values, failed, began)
  self:tell()
end

-- A source may have been without the memory to say that it has ended.
local function look(self)
  local source = self.source
  if source.look and not self:has_ended() then source.look() end
  return self:has_ended()
end

--- Has it ended, one way or the other?
function AsyncResult:ready()
  if not self:has_ended() then self.pool:work(0) end
  return look(self)
end

--- Did it end with a result? Raises when it has not ended.
function AsyncResult:successful()
  if not self:ready() then error("the task has not ended yet", 2) end
  return self.failure == nil
end

--- It is no longer wanted: what is queued is dropped, what runs is stopped, and
-- its Failure is of kind "cancelled". False when it has ended already, or ends with its pool.
function AsyncResult:cancel()
  if self:ready() or self.pool.ended then return false end
  return self.gave_up or self.source:give_up(self)
end

local function wait(self, timeout, name)
  if self:has_ended() then return true end
  check.optional_time(timeout, 1, name)
  return self.pool:work_until(function() return look(self) end, timeout)
end

--- Wait for its end, at most so many seconds. True when it has ended.
function AsyncResult:wait(timeout) return wait(self, timeout, "wait") end

--- The results. Raises the Failure it ended with, or one of kind "timeout"
-- when waiting ran out: the task goes on, and get may be called again.
function AsyncResult:get(timeout)
  local value = self.value
  if value ~= nil then return value end
  if not wait(self, timeout, "get") then
    error(failure.new({kind = "timeout", index = self.index, label = self.label,
                       message = ("not ready after %.1f s"):format(timeout)}), 0)
  end
  if self.value ~= nil then return self.value end
  if self.failure then error(self.failure, 0) end
  return unpack(self.values, 1, self.values.n)
end

local async_result = {}

--- Is this value an AsyncResult?
function async_result.is(value)
  local class = getmetatable(value)
  return type(class) == "table" and class.class_of == AsyncResult
end

-- Takes the first that has ended off the list, in which after[i] is the number of the one after i:
-- so there may be many.
local function take_ended(results, after)
  local before, i = 0, after[0]
  while i and not results[i]:has_ended() do before, i = i, after[i] end
  if not i then return nil end
  after[before] = after[i]
  return results[i]
end

--- Iterate over results of one pool as they end, each once; stops when the time is up.
function async_result.as_completed(results, timeout)
  check.type(results, "table", 1, "as_completed")
  check.optional_time(timeout, 2, "as_completed")
  local left, after, seen = {}, {}, {}
  for i, result in ipairs(results) do
    if not async_result.is(result) then
      check.fail(("bad argument #1 to 'as_completed' (results[%d] is no result)"):format(i))
    end
    if not seen[result] then
      after[#left], seen[result] = #left + 1, true
      left[#left + 1] = result
    end
  end
  local deadline = timeout and core.clock() + timeout
  return function()
    if not after[0] then return nil end
    local found
    left[after[0]].pool:work_until(function()
      found = found or take_ended(left, after)
      return found
    end, deadline and deadline - core.clock())
    return found
  end
end

--- The metatable of results of this pool; source:give_up(result) cancels one.
function async_result.class(pool, source)
  local members = {pool = pool, source = source}
  for name, method in pairs(AsyncResult) do members[name] = method end
  return {__index = members, class_of = AsyncResult}
end

return async_result
