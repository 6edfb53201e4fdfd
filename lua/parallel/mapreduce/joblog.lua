--- joblog: a line for each split of a job: which bytes it was, when it ran, and how that ended.
--
--    file  size  mtime  offset  length  start  seconds  status
--
-- Tabs are between them; those in names are written "\t", newlines "\n", backslashes "\\". start is
-- in seconds since 1970: its fraction tells splits of one run apart, and the clock of the wall
-- was looked at once, to the second. status is 0, 1 after an error, 124 when it ran out of
-- time, 128 + n when signal n killed its worker, or what that exited with. Standard input has no
-- size and time, which are 0.
--
-- A job that goes on with a log maps the splits that are not in it. They are known by what they
-- are, never by a number: files may come and go, or change, between the two runs.
local core = require("parallel.core")
local file_text = require("parallel.base.file_text")

local Joblog = {}
Joblog.__index = Joblog

-- Of each split, for any number of workers the same.
Joblog.SIZE_OF_SPLIT = 1024 * 1024

local ESCAPES = {["\t"] = "\\t", ["\n"] = "\\n", ["\r"] = "\\r", ["\\"] = "\\\\"}

local function key_of(split)
  return ("%s\t%.0f\t%.9f\t%.0f\t%.0f"):format(
    split.path:gsub("[\t\n\r\\]", ESCAPES), split.size or 0, split.mtime or 0, split.offset, split.length)
end

-- A key, and a status; nil when the line is torn, or is none of ours.
local function parse(line)
  return line:match("^([^\t]+\t%d+\t%-?[%d.]+\t%d+\t%d+)\t[%d.]+\t[%d.]+\t(%d+)$")
end

-- Of what is said more than once the last counts. Returns the text's last byte.
local function read(self, text)
  for line in text:gmatch("([^\n]*)\n") do
    local key, status = parse(line)
    if key then self.known[key] = tonumber(status) end
  end
  return text:sub(-1)
end

--- Is the split to be left out? So are those that failed, unless they shall run again.
function Joblog:has(split)
  if not split.path or split.stream then return false end -- of a stream it is not known yet
  local status = self.known[key_of(split)]
  if not status or (status ~= 0 and self.again) then return false end
  self.left_failed = self.left_failed + (status ~= 0 and 1 or 0)
  return true
end

local function signal_number(name) return name and core.signal_number(name) end

--- What a failure is called in the log.
function Joblog.status(failed)
  if failed.kind == "timeout" then return 124 end
  local number = signal_number(failed.signal)
  return number and 128 + number or failed.exitcode or 1
end

--- The split ran from `began` on (as core.clock) for so many seconds.
function Joblog:add(split, began, seconds, status)
  if not split.path then return end
  local ok, why = core.write(self.file:fd(), ("%s\t%.3f\t%.3f\t%d\n"):format(
    key_of(split), began + self.epoch, seconds, status))
  if not ok then error(("cannot write the job log '%s': %s"):format(self.path, why), 0) end
end

function Joblog:close() self.file:close() end

local joblog = {}

--- What is known from the file of that name, when `resume` is "done" or "failed"; nothing is
-- written. "failed": splits that failed run again.
function joblog.read(path, resume)
  local self = setmetatable({path = path, known = {}, again = resume == "failed", left_failed = 0,
                             epoch = os.time() - core.clock()}, Joblog)
  self.last = resume and read(self, file_text(path) or "") or ""
  return self
end

--- The same, and lines are added: to a file made anew, or, with `resume`, behind what is there.
-- Raises a message.
function joblog.open(path, resume)
  local self = joblog.read(path, resume)
  local file, why = core.file(path, resume and "append" or "renew")
  if not file then error(why, 0) end
  self.file = file
  if self.last ~= "" and self.last ~= "\n" then core.write(file:fd(), "\n") end -- a torn line ends there
  return self
end

return joblog
