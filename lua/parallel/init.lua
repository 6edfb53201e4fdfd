--- parallel: run Lua in many processes at once.
-- The public interface; each thing it offers lives in a file of its own.
local async_result = require("parallel.async_result")
local core = require("parallel.core")
local counters = require("parallel.counters")
local failure = require("parallel.failure")
local foreach = require("parallel.foreach")
local grid = require("parallel.grid")
local mapreduce = require("parallel.mapreduce")
local oneshot = require("parallel.oneshot")
local pool = require("parallel.pool")
local wait = require("parallel.wait")

local parallel = {
  Pool = pool.new,
  _VERSION = "parallel-lua 0.1.0",
  as_completed = async_result.as_completed,
  counter = counters.add,
  cpu_count = core.cpu_count,
  fields = core.fields,
  foreach = foreach.run,
  grid = grid.new,
  is_failure = failure.is,
  lines = core.lines,
  ngrams = core.ngrams,
  imap = oneshot.imap,
  imap_unordered = oneshot.imap_unordered,
  map = oneshot.map,
  random_stream = core.random_stream,
  reduce = oneshot.reduce,
  register_type = core.register_type,
  starmap = oneshot.starmap,
  wait = wait.any,
  with = oneshot.with,
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
