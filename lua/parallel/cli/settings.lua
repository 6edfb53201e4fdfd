--- settings: what the options of the program change in a job.
local exit = require("parallel.cli.exit")
local job_contract = require("parallel.mapreduce.job")
local oneline = require("parallel.cli.oneline")
local options = require("parallel.cli.options")

local SORTS = {key = "key", value = "value", ["-value"] = "value desc", ["-key"] = "key desc"}

local function refuse(...) exit.with(exit.USAGE, ...) end

local function set_sort(job, given)
  job.top = given.top or job.top
  if given.sort and given.sort ~= "none" then
    job.sort = SORTS[given.sort] or
      refuse("--sort takes key, -key, value, -value or none, got '%s'", given.sort)
  end
  if given.sort == "none" then job.sort = nil end
  -- so that the output does not depend on -j; a job that only maps has an order already
  local is_reduced = job.combine or job.reduce
  if is_reduced and not (job.sort or job.top or given.sort) then job.sort = "key" end
end

local function set_output(job, given)
  if given.output and given.out_dir then refuse("-o and --out-dir cannot both be given") end
  local folder = given.out_dir and given.out_dir:gsub("/*$", "/")
  job.output = given.output or folder or job.output or job_contract.STDOUT
  if job.output == "-" then job.output = job_contract.STDOUT end
  job.format = given.format or job.format
  if given.keep_order and given.unordered then refuse("-k and -u cannot both be given") end
  if given.keep_order then job.ordered = true end
  if given.unordered then job.ordered = false end
  if given.tag and (job.combine or job.reduce or job.sort or job.top) then
    refuse("--tag is for jobs that only map, in the order of their input")
  end
  if given.tag and (job.format == "json" or job.format == "lua") then
    refuse("--tag is for tsv, csv and raw")
  end
  job.tag = given.tag
end

local function set_running(job, given)
  job.workers = options.workers(given.jobs) or job.workers
  if given.inline then job.workers = 0 end
  job.progress = not given.quiet and (given.progress or job.progress) or nil
  local function tell(text) io.stderr:write("parallel-lua: ", text, "\n") end
  if given.verbose and not given.quiet then job.note = tell end
  if not given.quiet then job.warn = tell end
end

local function set_failures(job, given)
  for _, field in ipairs({"halt", "retries", "timeout", "skip_bad", "joblog", "journal", "trace", "report",
                          "seed", "backend"}) do
    if given[field] ~= nil then job[field] = given[field] end
  end
  if given.resume then job.resume = "done" end
  if given.resume_failed then job.resume = "failed" end
end

local function set_input(job, given, inputs)
  job.records = given.records or job.records
  job.block = given.block or job.block
  job.header = given.header or job.header
  job.partitions = given.partitions or job.partitions
  job.memory, job.tmpdir = given.memory or job.memory, given.tmpdir or job.tmpdir
  job.inputs = inputs or job.inputs
  job.command = oneline.command(given)
end

local settings = {}

--- A copy of the job with what the options say, and these inputs (nil: its own); or nil and
-- what is wrong with it.
function settings.apply(made, given, inputs)
  local ok, why = job_contract.check_types(made) -- of those fields too that options replace
  if not ok then return nil, why end
  local job = {}
  for field, value in pairs(made) do job[field] = value end
  oneline.set_reduce(job, given)
  set_input(job, given, inputs)
  set_running(job, given)
  set_failures(job, given)
  set_sort(job, given)
  set_output(job, given)
  ok, why = job_contract.prepare(job)
  if not ok then return nil, why end
  return job
end

return settings
