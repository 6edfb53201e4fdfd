--- failure: what becomes of a task that did not end with a result.
-- One kind of object for all cases; `kind` tells them apart:
--
--   "error"      the user's code raised; message, traceback and value are its own
--   "died"       the worker ended meanwhile; signal or exitcode says how
--   "cancelled"  the pool was ended first
--   "unsendable" arguments or results cannot leave their process; message has the path
--   "memory"     the worker's Lua ran out of memory
--   "timeout"    it took longer than it may (seconds), or was waited for in vain
--
-- Other fields, where they are known: index (which task), label (what the task
-- is about, a file for example), worker, pid, attempts.
local core = require("parallel.core")

local Failure = {}
Failure.__index = Failure
-- It may be a task's result itself, or what a task raised.
core.register_type("parallel.base.failure", Failure)

local function how_it_died(failure)
  if failure.signal then return "was killed by " .. failure.signal end
  if failure.exitcode then return "exited with status " .. failure.exitcode end
  return "ended for an unknown reason"
end

local function death(failure)
  local task = failure.index and " while running task " .. failure.index or ""
  local times = (failure.attempts or 1) > 1 and (", the last of %d times"):format(failure.attempts) or ""
  return ("worker %d (pid %d) %s%s%s"):format(failure.worker, failure.pid, how_it_died(failure), task, times)
end

local function is_ours(line) return line:find("parallel%.core") or line:find("^\tparallel/") end

-- What stands above the user's functions is how we raised; below them, how we
-- called them, and in a worker the call in which it was forked. C functions
-- belong to the function that called them, which is the next line.
local function users_part(traceback)
  local kept, called = {"stack traceback:"}, {}
  for line in traceback:gmatch("\n(\t[^\n]+)") do
    if is_ours(line) then
      if #kept > 1 then break end
      called = {}
    else
      called[#called + 1] = line
      if not line:find("^\t%[C%]") then
        for _, held in ipairs(called) do kept[#kept + 1] = held end
        called = {}
      end
    end
  end
  return #kept > 1 and table.concat(kept, "\n") or ""
end

local function seconds(n)
  local short = ("%.1f"):format(n)
  return tonumber(short) == n and short or ("%.6g"):format(n)
end

local function stopped(failure)
  local what = failure.kind == "timeout" and ("timed out after %s s"):format(seconds(failure.seconds))
    or "was cancelled"
  local where = failure.worker and " in worker " .. failure.worker or ""
  local at = failure.place and failure.place ~= "" and ", at " .. failure.place or ""
  return what .. where .. at
end

local function with_label(failure, text)
  return failure.label and failure.label .. ": " .. text or text
end

function Failure:__tostring()
  if self.kind == "died" and self.pid then -- else it died earlier, and the message says what that costs
    return with_label(self, death(self))
  end
  if self.kind == "timeout" and self.seconds or self.kind == "cancelled" and self.index then
    return (self.index and ("task %d "):format(self.index) or "") .. stopped(self)
  end
  if self.kind == "unsendable" and self.index then
    local what = self.worker and "the result of " or ""
    return ("cannot send %stask %d: %s"):format(what, self.index, self.message)
  end
  if self.index and self.worker then
    return ("task %d failed in worker %d: %s"):format(self.index, self.worker, self.message)
  end
  return with_label(self, self.message)
end

local failure = {}

-- Where in our own files an error was raised is of no use to the user.
local function without_our_place(message) return (message:gsub("^parallel/[%w_/]+%.lua:%d+: ", "")) end

--- Make a Failure of these fields.
-- `place` says where in the user's code it was stopped.
function failure.new(fields)
  local made = setmetatable(fields, Failure)
  if made.message then made.message = without_our_place(made.message) end
  if made.traceback and made.worker then made.traceback = users_part(made.traceback) end
  made.message = made.message or tostring(made)
  return made
end

--- Why `what` ("args") cannot be sent: with the encoder's path ("[2].x: REASON"), unless it was the
-- user's code that raised in there.
function failure.at_path(what, why)
  why = tostring(why)
  return what .. (why:find("^%[") and "" or ": ") .. why
end

--- The Failure of a pool none of whose workers can be started.
function failure.no_workers(detail)
  local ended = detail.signal or detail.exitcode
  local how = ended and ": the last " .. how_it_died(detail) or ""
  local value = detail.value
  if value == nil and detail.traceback then value = detail.message end -- an error that is a text
  return failure.new({
    kind = ended and "died" or "error", message = "cannot start any worker: " .. detail.message .. how,
    traceback = detail.traceback and users_part(detail.traceback),
    signal = detail.signal, exitcode = detail.exitcode, value = value,
  })
end

--- Is this value a Failure (of this kind, when one is given)?
function failure.is(value, kind)
  return getmetatable(value) == Failure and (kind == nil or value.kind == kind)
end

return failure
