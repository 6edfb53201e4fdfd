--- trace: what happened when, as Chrome trace events, which Perfetto and chrome://tracing show.
--
-- A row for each worker (0: the process that owns the pool), on it a slice for
-- each piece of work and a mark for each thing that happened at once. The file is
-- a JSON array of an event a line, written in whole lines: of a program that was killed
-- it lacks the closing bracket only, which its readers do not miss.
--
-- Times are seconds of core.clock, names any text, `args` a table of strings and numbers.
local core = require("parallel.core")

local AT_ONCE = 0.5 -- seconds that events wait for others to be written with

local Trace = {}
Trace.__index = Trace

local ESCAPES = {['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r"}

local function escape(byte) return ESCAPES[byte] or ("\\u%04x"):format(byte:byte()) end

local function is_utf8(text)
  local rest = text:gsub("[\194-\223][\128-\191]", ""):gsub("[\224-\239][\128-\191][\128-\191]", "")
    :gsub("[\240-\244][\128-\191][\128-\191][\128-\191]", "")
  return not rest:find("[\128-\255]")
end

local function quote(text)
  text = text:gsub('[%c"\\]', escape)
  if not is_utf8(text) then text = text:gsub("[\128-\255]", escape) end
  return '"' .. text .. '"'
end

local function render(value)
  if type(value) ~= "number" then return quote(tostring(value)) end
  return value == math.floor(value) and ("%.0f"):format(value) or ("%.6g"):format(value)
end

local function render_args(args)
  local names, parts = {}, {}
  for name in pairs(args or {}) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do parts[i] = quote(name) .. ":" .. render(args[name]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function write_out(self)
  if #self.lines == 0 then return end
  local ok, why = self.file:write(table.concat(self.lines))
  if ok then ok, why = self.file:flush() end
  if not ok then self.why = self.why or why end
  self.lines, self.written = {}, core.clock()
end

local function add(self, kind, worker, name, fields, args)
  self.lines[#self.lines + 1] = ('%s{"ph":"%s","pid":%d,"tid":%d,"name":%s%s,"args":%s}'):format(
    self.began and ",\n" or "[\n", kind, self.pid, worker, quote(name), fields, render_args(args))
  self.began = true
  if core.clock() - self.written > AT_ONCE then write_out(self) end
end

local function microseconds(self, seconds) return (seconds - self.start) * 1e6 end

--- What a row is called.
function Trace:name(worker, name)
  if self.named[worker] == name then return end
  self.named[worker] = name
  add(self, "M", worker, "thread_name", "", {name = name})
end

--- The worker did this from `start` on for so many seconds.
function Trace:slice(worker, name, start, seconds, args)
  local when = (',"ts":%.3f,"dur":%.3f'):format(microseconds(self, start), seconds * 1e6)
  add(self, "X", worker, name, when, args)
end

--- This happened to the worker now, or at `moment`.
function Trace:instant(worker, name, args, moment)
  local when = (',"ts":%.3f,"s":"t"'):format(microseconds(self, moment or core.clock()))
  add(self, "i", worker, name, when, args)
end

--- Write the rest, and end the file. Twice is harmless. True, or nil and why it is not whole.
function Trace:close()
  if not self.file then return true end
  self.lines[#self.lines + 1] = self.began and "\n]\n" or "[]\n"
  write_out(self)
  self.file:close()
  self.file = nil
  return not self.why or nil, self.why
end

local trace = {}

--- Write to the file of that name, which is made anew. Or nil, message.
-- `program` is what the rows together are called.
function trace.open(path, program)
  local file, why = io.open(path, "w")
  if not file then return nil, why end
  local made = setmetatable({file = file, pid = core.pid(), start = core.clock(), written = core.clock(),
                             lines = {}, named = {}}, Trace)
  add(made, "M", 0, "process_name", "", {name = program})
  return made
end

return trace
