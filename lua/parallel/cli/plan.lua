--- plan: what a job would do, as lines of text, without doing any of it.
local core = require("parallel.core")
local feeds = require("parallel.mapreduce.feed")
local job_contract = require("parallel.mapreduce.job")
local joblog = require("parallel.mapreduce.joblog")
local journal = require("parallel.mapreduce.journal")

local plan = {}

local function add(lines, name, ...)
  lines[#lines + 1] = ("%-12s%s"):format(name, (...):format(select(2, ...)))
end

local function name_of(value) return type(value) == "string" and value or "a function" end

local function add_reducing(lines, job)
  if job.combine then
    add(lines, "combine", "%s, in the map workers and while merging", name_of(job.combine))
  end
  if job.reduce then add(lines, "reduce", "a function of key and values") end
  if not job.is_map_only then add(lines, "partitions", "%d", job.partitions) end
  if job.sort_by then
    add(lines, "sort", "by %s%s", job.sort_by, job.descending and ", greatest first" or "")
  end
  if job.top then add(lines, "top", "%d", job.top) end
end

local function output_of(job)
  if job.output == 1 then return "standard output" end
  if type(job.output) == "string" then return "'" .. job.output .. "'" end
  return job.output and "a function" or "a result"
end

local function describe(lines, job)
  add(lines, "records", "%s", job.values and "values" or ("%q"):format(job.records):gsub("\\\n", "\\n"))
  add(lines, "workers", "%s", job.is_inline and "none, all runs in this process"
    or ("%d, of %d processors"):format(job.workers, core.cpu_count()))
  add_reducing(lines, job)
  if job.memory then add(lines, "memory", "%s", tostring(job.memory)) end
  if job.timeout then add(lines, "timeout", "%s s a split", tostring(job.timeout)) end
  add(lines, "output", "%s%s", output_of(job), job.format and ", as " .. job.format or "")
end

local function count_text(n, name, plural)
  return ("%d %s%s"):format(n, name, n == 1 and "" or plural or "s")
end

local function add_inputs(lines, planned)
  local files, streams, seen = 0, "", {}
  for _, split in ipairs(planned.list) do
    if split.stream then
      local name = split.path == "-" and "standard input" or "'" .. split.path .. "'"
      streams = ("%s, and %s"):format(streams, name)
    end
    if split.path and not split.stream and not seen[split.index] then
      seen[split.index], files = true, files + 1
    end
  end
  add(lines, "inputs", "%s, %.0f bytes%s%s", count_text(files, "file"), planned.bytes,
    streams,
    #planned.values > 0 and ", " .. count_text(#planned.values, "value") or "")
  add(lines, "splits", "%d, in %s", #planned.list, count_text(#planned.batches, "batch", "es"))
end

local function add_journal(lines, kept)
  if kept.resumed > 0 then
    add(lines, "resumed", "%s more, from the journal '%s'", count_text(kept.resumed, "split"), kept.path)
  end
  kept:close()
end

--- The lines for a job, whose contract is checked, with its inputs. Raises a message
-- when one cannot be read. Nothing is written, and no log is opened.
function plan.of_run(fields)
  local job, lines = assert(job_contract.prepare(fields)), {}
  if job.joblog then job.joblog = joblog.read(job.joblog, job.resume) end
  if job.journal then job.journal = journal.read(job.journal) end
  if type(job.inputs or job.values) == "function" then
    add(lines, "inputs", "from an iterator")
  else
    local feed = feeds.new(job)
    add_inputs(lines, feed.plan)
    feed:close()
    if job.journal then add_journal(lines, job.journal) end
  end
  describe(lines, job)
  return lines
end

--- The same of a job alone.
function plan.of_job(fields)
  local lines = {}
  describe(lines, assert(job_contract.prepare(fields)))
  return lines
end

return plan
