-- closing_line: a busted output handler. Each spec file is a line with a dot
-- for each test; what failed is told in full at the end, and the last line is
--
--    12 passed, 0 failed, 1 skipped
--
-- A test counts once, as failed when anything about it failed; an error
-- outside of tests (a spec that does not compile, a hook that raises) counts
-- as one that failed. With a file named by the environment variable
-- PARALLEL_LUA_CLOSING_LINE the line is kept there instead, at all times as it
-- must read if the run is cut off there, for a caller that outlives the run.
local busted = require "busted"
local full_name = require "spec.support.full_name"

local MARKS = {passed = ".", failed = "F", skipped = "s"}
local RECORD = os.getenv("PARALLEL_LUA_CLOSING_LINE")

local counts, verdicts, remarks

local function closing_line(unfinished)
  return ("%d passed, %d failed, %d skipped"):format(counts.passed, counts.failed + unfinished,
    counts.skipped)
end

local function record(unfinished)
  if not RECORD then return end
  local file = assert(io.open(RECORD, "w"))
  file:write(closing_line(unfinished), "\n")
  file:close()
end

local function count(element, verdict)
  local earlier = verdicts[element]
  if earlier then counts[earlier] = counts[earlier] - 1 end
  verdicts[element] = verdict
  counts[verdict] = counts[verdict] + 1
end

-- The traceback without the lines of busted itself.
local function stack(trace)
  local lines = {}
  for line in ((trace and trace.traceback) or ""):gmatch("\n%s*([^\n]+:%d+: in [^\n]+)") do
    if not line:find("busted", 1, true) then lines[#lines + 1] = "  " .. line end
  end
  return table.concat(lines, "\n")
end

local function remark(word, element, parent, message, trace)
  local place = element.trace and element.trace.currentline
    and (" (%s:%d)"):format(element.trace.short_src, element.trace.currentline) or ""
  local name = full_name(element, parent) or element.name or element.descriptor
  local text = {("%s: %s%s"):format(word, name, place)}
  if message and message ~= "" then text[2] = tostring(message) end
  local calls = stack(trace)
  if calls ~= "" then text[#text + 1] = calls end
  remarks[#remarks + 1] = table.concat(text, "\n")
end

local handler = {}

local function file_start(file)
  io.write(file.name, " ")
end

local function file_end()
  io.write("\n")
  io.flush()
end

local function test_start(element)
  verdicts[element] = nil -- under --repeat it may have run before
  record(1)
end

local function test_end(element, parent, status)
  if not verdicts[element] then count(element, status == "success" and "passed" or "skipped") end
  if verdicts[element] == "skipped" then
    remark("skipped", element, parent, handler.reasons[element])
  end
  record(0)
  io.write(MARKS[verdicts[element]])
  io.flush()
end

local function failed(element, parent, message, trace)
  local comes_late = element.descriptor ~= "it" or verdicts[element]
  if comes_late then io.write(MARKS.failed) end
  count(element, "failed")
  remark("failed", element, parent, message, trace)
  record(0)
end

local function close()
  for _, text in ipairs(remarks) do io.write("\n", text, "\n") end
  io.write("\n")
  if not RECORD then io.write(closing_line(0), "\n") end
  io.flush()
  record(0)
end

-- busted stops at a subscriber that does not return true as its second result.
local function on(channel, respond)
  busted.subscribe(channel, function(...)
    respond(...)
    return nil, true
  end)
end

function handler.subscribe()
  counts = {passed = 0, failed = 0, skipped = 0}
  verdicts, remarks, handler.reasons = {}, {}, {}
  on({"file", "start"}, file_start)
  on({"file", "end"}, file_end)
  on({"test", "start"}, test_start)
  on({"test", "end"}, test_end)
  on({"failure"}, failed)
  on({"error"}, failed)
  on({"pending"}, function(element, _, message) handler.reasons[element] = message end)
  on({"exit"}, close)
end

return function() return handler end
