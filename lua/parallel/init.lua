--- parallel: run Lua in many processes at once.
-- The public interface; each thing it offers lives in a file of its own.
local core = require("parallel.core")
local failure = require("parallel.failure")
local mapreduce = require("parallel.mapreduce")

local parallel = {
  _VERSION = "parallel-lua 0.1.0",
  cpu_count = core.cpu_count,
  fields = core.fields,
  is_failure = failure.is,
  lines = core.lines,
  ngrams = core.ngrams,
  words = core.words,
}

--- Run a map-reduce job; returns a Result.
-- The job's functions run in forked workers, which inherit everything that
-- they refer to: nothing is sent.
function parallel.mapreduce(job)
  if type(job) ~= "table" then
    error(("bad argument #1 to 'mapreduce' (table expected, got %s)"):format(type(job)), 2)
  end
  local made = mapreduce.run(job, 2) -- a tail call would take a level from the stack
  return made
end

return parallel
