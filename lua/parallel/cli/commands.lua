--- commands: what the program does besides running scripts: check, doctor, completion.
--
-- Each is called with the options, what stands behind its name, and load_script(path, arguments),
-- which gives the chunk.
local doctor = require("parallel.cli.doctor")
local exit = require("parallel.cli.exit")
local file_text = require("parallel.base.file_text")
local job_contract = require("parallel.mapreduce.job")
local options = require("parallel.cli.options")
local plan = require("parallel.cli.plan")
local settings = require("parallel.cli.settings")
local unpack = require("parallel.base.packing").unpack

local commands = {}

-- ---- check ----------------------------------------------------------------

-- The line of the script where the field is set, as far as its text tells.
local function line_of(path, field)
  local number = 0
  for line in (file_text(path) .. "\n"):gmatch("([^\n]*)\n") do
    number = number + 1
    local code = " " .. line:gsub("%-%-.*", "")
    local is_set = code:find("[^%w_]" .. field .. "%s*=[^=]") or code:find("[.]" .. field .. "%s*%(")
    if is_set then return number end
  end
end

-- A message of the contract names the field that it is about.
local function refuse(path, why)
  local field = why:match("'([%a_][%w_]*)'")
  local line = field and line_of(path, field)
  exit.with(exit.USAGE, "%s:%s %s", path, line and line .. ":" or "", why)
end

local function load_job(path, arguments, load_script)
  local chunk = load_script(path, arguments)
  local ok, made = pcall(chunk, unpack(arguments))
  if not ok then exit.with(exit.USAGE, "%s", tostring(made)) end
  if job_contract.is_meant(made) then return made end
  exit.with(exit.USAGE, "%s: it returns no job, which is a table with a function 'map'", path)
end

--- check job.lua [arguments]: load the job without running it.
function commands.check(given, rest, load_script)
  local path = table.remove(rest, 1)
  if not path then exit.with(exit.USAGE, "which job? parallel-lua check job.lua") end
  local made = load_job(path, rest, load_script)
  local job, why = settings.apply(made, given, nil)
  if not job then refuse(path, why) end
  print(path .. ": a job that keeps the contract")
  for _, line in ipairs(plan.of_job(job)) do print(line) end
end

-- ---- the others -----------------------------------------------------------

--- doctor: what is there, a line each.
function commands.doctor()
  for _, line in ipairs(doctor.examine()) do print(line) end
end

--- completion SHELL: a script for the shell to read.
function commands.completion(_, rest)
  local script = options.completion(rest[1])
  if not script then exit.with(exit.USAGE, "completion is for bash, zsh or fish, got '%s'", rest[1] or "") end
  io.write(script)
end

return commands
