-- Ctrl-Z: the workers, which are in process groups of their own, stop with the program and go on with it.
local core = require("parallel.core")
local files = require("spec.support.files")
local shell = require("spec.support.shell")

-- A map that says that it has begun, and ends when it is told to.
local CODE = [[
io.open("begun", "w"):close()
while not io.open("go") do end
emit(record)]]

local function start(...)
  files.write("a.txt", "one\n")
  local folder = files.path("")
  return shell.start({"sh", "-c", 'cd "$0" && exec "$@"', folder, shell.program(), "-j1", ...}, {group = true})
end

local function wait_until(condition)
  while not condition() do core.poll({}, 0.002) end
end

local function exists(name) return files.read(files.path(name)) ~= nil end

local function state_of(pid)
  return (files.read(("/proc/%d/stat"):format(pid)) or ""):match("^.*%) (%a)")
end

local function child_of(pid)
  return tonumber((files.read(("/proc/%d/task/%d/children"):format(pid, pid)) or ""):match("%d+"))
end

local function stop(job)
  wait_until(function() return exists("begun") end)
  local worker = child_of(job.pid)
  job:kill("TSTP")
  wait_until(function() return state_of(job.pid) == "T" and state_of(worker) == "T" end)
end

local function go_on(job)
  files.write("go", "")
  job:kill("CONT")
  return job:wait()
end

describe("a program that is suspended", function()
  it("stands still with its workers, and goes on where it was", function()
    local job = start("-e", CODE, "a.txt")
    stop(job)
    assert.same({stdout = "one\n", stderr = "", status = 0}, go_on(job))
  end)

  it("can be suspended again", function()
    local job = start("-e", CODE, "a.txt")
    stop(job)
    job:kill("CONT")
    wait_until(function() return state_of(child_of(job.pid)) ~= "T" end)
    stop(job)
    assert.same({stdout = "one\n", stderr = "", status = 0}, go_on(job))
  end)

  it("does not count the pause against a limit of time", function()
    local job = start("--timeout", "1", "-e", CODE, "a.txt")
    stop(job)
    core.poll({}, 1.1) -- longer than the limit
    assert.same({stdout = "one\n", stderr = "", status = 0}, go_on(job))
  end)

  it("leaves no worker behind when it is killed", function()
    local job = start("-e", CODE, "a.txt")
    stop(job)
    job:kill("KILL")
    assert.equal("SIGKILL", job:wait().signal)
  end)
end)
