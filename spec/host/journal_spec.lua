-- --journal: jobs that reduce go on where they were stopped.
local files = require("spec.support.files")
local lfs = require("lfs")
local shell = require("spec.support.shell")

local folder = os.getenv("TMPDIR") .. "/files/"

-- A commit for every batch: what twenty records emit makes the table of a worker more than half full.
local JOB = [[
return {
  map = function(record, emit)
    emit("records")
    for i = 1, 60 do emit(record .. " " .. i) end
  end,
  combine = "count", memory = "256K", sort = "key",
}
]]

-- The same with a statement for each record.
local function insert(code)
  local before, after = JOB:match("^(.*map = function%(record, emit%)\n)(.*)$")
  return before .. code .. "\n" .. after
end

local function write_inputs(count)
  local names = {}
  for i = 1, count do
    names[i] = "f" .. i
    files.write(names[i], ("record %d\n"):format(i))
  end
  files.write("job.lua", JOB)
  return table.concat(names, " ")
end

-- 60 inputs are three batches, and so three commits after the record of the job.
local INPUTS = 60

local function expected()
  local lines = {"records\t" .. INPUTS}
  for i = 1, INPUTS do
    for n = 1, 60 do lines[#lines + 1] = ("record %d %d\t1"):format(i, n) end
  end
  table.sort(lines, function(a, b) return a:match("^[^\t]*") < b:match("^[^\t]*") end)
  return table.concat(lines, "\n") .. "\n"
end

local function start(command, options)
  return shell.start(("cd '%s' && exec %s"):format(folder, (command:gsub("%%s", shell.program()))), options)
end

local function run(command, options) return start(command, options):wait() end

local function sh(command) assert.equal(0, shell.run(("cd '%s' && %s"):format(folder, command)).status) end

local function with_faults(command, plan) return run(command, {env = {PARALLEL_LUA_FAULT = plan}}) end

local function resumed(result) return tonumber(result.stderr:match("resumed\t(%d+)") or 0) end

local function interrupted(names, plan, options)
  local command = ("%%s %s --journal d job.lua "):format(options or "-j1") .. names
  assert.equal("SIGKILL", with_faults(command, plan or "manifest.append:kill@4").signal)
end

-- The answer is as if nothing had happened, and nothing is left behind.
local function goes_on(names, splits, options)
  local result = run(("%%s --stats --journal d %s job.lua "):format(options or "-j2") .. names)
  assert.equal(0, result.status, result.stderr)
  assert.equal(splits, resumed(result))
  assert.is_true(result.stdout == expected())
  assert.is_nil(lfs.attributes(folder .. "d"))
  return result
end

local function run_files()
  local names = {}
  for name in lfs.dir(folder .. "d") do
    if name:match("^run") then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

describe("a job with a journal", function()
  it("gives what it gives without, and leaves nothing behind", function()
    goes_on(write_inputs(INPUTS), 0)
  end)

  it("leaves the folder that was there", function()
    local names = write_inputs(INPUTS)
    files.folder("d")
    assert.equal(0, run("%s --journal d job.lua " .. names).status)
    assert.same({}, run_files())
    assert.equal("directory", lfs.attributes(folder .. "d", "mode"))
  end)

  -- The first record is the job's, and one after each batch of twenty follows.
  for plan, splits in pairs({
    ["manifest.append:kill@2"] = 0, ["manifest.written:kill@2"] = 20, ["manifest.appended:kill@2"] = 20,
    ["manifest.append:kill@3"] = 20, ["manifest.written:kill@3"] = 40, ["manifest.appended:kill@3"] = 40,
    ["manifest.append:kill@4"] = 40, ["manifest.written:kill@4"] = 60, ["manifest.appended:kill@4"] = 60,
  }) do
    it("goes on after " .. plan, function()
      local names = write_inputs(INPUTS)
      interrupted(names, plan)
      goes_on(names, splits)
    end)
  end

  it("begins anew when it was killed before it had begun", function()
    local names = write_inputs(INPUTS)
    files.folder("d")
    for _, point in ipairs({"append", "written", "appended"}) do
      interrupted(names, ("manifest.%s:kill@1"):format(point))
    end
    local result = run("%s --stats --journal d job.lua " .. names)
    assert.equal(0, resumed(result))
    assert.is_true(result.stdout == expected())
  end)

  it("goes on however often it is killed, with any number of workers", function()
    local names = write_inputs(INPUTS)
    for at = 2, 4 do
      with_faults(("%%s -j%d --journal d job.lua "):format(at) .. names, "manifest.append:kill@3")
    end
    local result = run("%s --journal d job.lua " .. names)
    assert.is_true(result.stdout == expected())
  end)

  it("goes on after a kill while it reduced", function()
    local names = write_inputs(INPUTS)
    with_faults("%s -j1 --journal d -o /dev/full job.lua " .. names)
    goes_on(names, INPUTS)
  end)

  it("goes on when all its processes were killed at once", function()
    local names = write_inputs(INPUTS)
    files.write("job.lua", insert([[
      local flag = io.open("flag")
      if flag then flag:close() elseif record == "record 30" then
        io.open("flag", "w"):close()
        local host = parallel.parent_process().pid
        os.execute(("kill -9 %d $(cat /proc/%d/task/%d/children)"):format(host, host, host))
      end]]))
    assert.equal("SIGKILL", run("%s -j1 --journal d job.lua " .. names).signal)
    goes_on(names, 20, "-j2")
  end)

  for _, start_method in ipairs({"template", "spawn"}) do
    it("goes on with workers that are made by " .. start_method, function()
      local names = write_inputs(INPUTS)
      files.write("job.lua", (JOB:gsub("sort", ("start_method = '%s', sort"):format(start_method))))
      interrupted(names)
      goes_on(names, 40)
    end)
  end

  it("goes on in this process", function()
    local names = write_inputs(INPUTS)
    interrupted(names, nil, "--inline")
    goes_on(names, 40, "--inline")
  end)

  it("loses nothing to workers that die", function()
    local names = write_inputs(INPUTS)
    local result = with_faults("%s -j2 --journal d job.lua " .. names, "run.committed:killchild@2,file.sync:killchild@2")
    assert.equal(0, result.status, result.stderr)
    assert.is_true(result.stdout == expected())
  end)
end)

describe("a journal", function()
  local function cut(count)
    local text = files.read(folder .. "d/manifest")
    files.write("d/manifest", text:sub(1, -1 - count))
    return #text
  end

  it("counts no record that was torn, wherever it was", function()
    local names = write_inputs(INPUTS)
    interrupted(names)
    local whole = files.read(folder .. "d/manifest")
    for _, count in ipairs({1, 7, 50, #whole - 30, #whole - 10, #whole}) do
      sh("cp -r d kept")
      cut(count)
      local result = run("%s -j2 --journal d job.lua " .. names)
      assert.equal("", result.stderr)
      assert.is_true(result.stdout == expected())
      sh("rm -rf d && mv kept d")
    end
  end)

  -- In the middle of the last file of runs.
  local function damage(f)
    local names = run_files()
    local path = folder .. "d/" .. names[#names]
    f(path, files.read(path))
    return names[#names]
  end

  local DAMAGES = {
    ["is damaged"] = function(path, text)
      local at = math.floor(#text / 2)
      files.write(path:sub(#folder + 1), text:sub(1, at - 1) .. string.char((text:byte(at) + 1) % 256) .. text:sub(at + 1))
    end,
    ["is missing"] = os.remove,
  }
  for how, f in pairs(DAMAGES) do
    it("maps again what stood in a file that " .. how, function()
      local names = write_inputs(INPUTS)
      interrupted(names)
      local name = damage(f)
      local result = run("%s -j2 --stats --journal d job.lua " .. names)
      assert.is_true(result.stdout == expected())
      assert.equal(("parallel-lua: the journal 'd': '%s' %s, and what it held is mapped again"):format(name, how),
        result.stderr:match("[^\n]*"))
      assert.is_true(resumed(result) < 40)
    end)
  end

  it("does not count twice what was mapped again", function()
    local names = write_inputs(INPUTS)
    interrupted(names)
    sh("mkdir kept && mv d/run-* kept")
    with_faults("%s -j1 --journal d job.lua " .. names, "manifest.append:kill@2")
    sh("mv kept/* d")
    goes_on(names, 40)
  end)

  it("is of one process at a time, which is named", function()
    local names = write_inputs(INPUTS)
    assert.equal(0, run("mkfifo go").status)
    files.write("job.lua", insert([[if record == "record 1" then io.open("go"):read("*a") end]]))
    local first = start("%s -j1 --journal d job.lua " .. names)
    local go = files.open_pipe(folder .. "go") -- once its worker is there
    assert.same({status = 2, stdout = "", stderr =
      ("parallel-lua: cannot use the journal 'd': process %d is using it\n"):format(first.pid)},
      run("%s --journal d job.lua " .. names))
    go:close()
    assert.is_true(first:wait().stdout == expected())
  end)

  describe("of another job", function()
    local function refused(what, command)
      local result = run(command)
      assert.same({status = 2, stdout = "", stderr =
        ("parallel-lua: cannot use the journal 'd': it is another job's: %s (remove it to begin anew)\n"):format(what)}, result)
    end

    local COMMAND = "%s -j1 --memory 256K --journal d -v n=60 -e 'for i = 1, n do emit(record .. i) end' --reduce count "

    it("is refused, and what differs is named", function()
      local names = write_inputs(INPUTS)
      with_faults(COMMAND .. names, "manifest.append:kill@3")
      refused("'command' has changed", COMMAND:gsub("n=60", "n=61") .. names)
      refused("'command' has changed", COMMAND:gsub("record %.%.", "i ..") .. names)
      refused("'combine' was count, and is sum", COMMAND:gsub("count", "sum") .. names)
      refused("'records' was line, and is block", COMMAND .. "--records block " .. names)
      refused("'header' was none, and is 1", COMMAND .. "--header 1 " .. names)
      refused("'seed' was none, and is 7", COMMAND .. "--seed 7 " .. names)
      refused("the input 'job.lua' is new", COMMAND .. names .. " job.lua")
      refused("the input 'f1' is gone", COMMAND .. names:sub(4))
      refused("its inputs had another order", COMMAND .. names:gsub("f1 f2 ", "f2 f1 "))
      files.write("f7", "another\n")
      refused("the input 'f7' has changed", COMMAND .. names)
    end)

    it("is refused when the script has changed, or what map captures", function()
      local names = write_inputs(INPUTS)
      files.write("job.lua", "local limit = os.getenv('LIMIT') or 60\n" .. JOB:gsub("60", "limit"))
      interrupted(names)
      refused("'map' has changed", "env LIMIT=59 %s --journal d job.lua " .. names)
      files.write("job.lua", JOB)
      refused("'map' has changed", "%s --journal d job.lua " .. names)
    end)

    it("is not, where only what is made of the pairs has changed", function()
      local names = write_inputs(INPUTS)
      interrupted(names)
      assert.equal("records\t60\n", run("%s --top 1 --sort -value --journal d job.lua " .. names).stdout)
    end)
  end)

  it("is not taken from what is none", function()
    local names = write_inputs(2)
    files.write("d/manifest", "my own file\n")
    assert.same({status = 2, stdout = "",
      stderr = "parallel-lua: cannot use the journal 'd': it is another kind of file\n"},
      run("%s --journal d job.lua " .. names))
    assert.equal("my own file\n", files.read(folder .. "d/manifest"))
  end)

  for _, case in ipairs({
    {"-e 'emit(record)' f1", "-e: 'journal' is for jobs that reduce; those that only map have 'joblog' and 'resume'"},
    {"-e 'emit(record)' --reduce count", "-e: 'journal' is for files"},
    {"-e 'emit(record)' --reduce count f1 -", "-e: 'journal' is for files"},
    {"-e 'emit(record)' --reduce count .", "cannot use the journal './d': it is among the inputs"},
  }) do
    it("is refused with " .. case[1], function()
      write_inputs(1)
      local result = run("%s --journal ./d " .. case[1])
      assert.same({2, "", "parallel-lua: " .. case[2] .. "\n"}, {result.status, result.stdout, result.stderr})
    end)
  end

  it("is for its owner alone", function()
    local names = write_inputs(INPUTS)
    interrupted(names)
    assert.equal("600\n600\n", run("stat -c %a d/*").stdout)
  end)

  it("tells of a run that is only planned what it would do", function()
    local names = write_inputs(INPUTS)
    assert.is_nil(run("%s --dry-run --journal d job.lua " .. names).stdout:match("resumed"))
    assert.is_nil(lfs.attributes(folder .. "d"))
    interrupted(names)
    local before = run("md5sum d/*").stdout
    local plan = run("%s --dry-run --journal d job.lua " .. names).stdout
    assert.match("splits      20, in 1 batch\n", plan)
    assert.match("resumed     40 splits more, from the journal 'd'\n", plan)
    assert.equal(before, run("md5sum d/*").stdout)
  end)

  for point, message in pairs({
    ["sys.fsync:ENOSPC@3+"] = "parallel%-lua: cannot write the journal 'd': No space left on device",
    ["sys.fsync:EIO@2+"] = "cannot write the journal 'd': Input/output error",
    ["sys.pwrite:ENOSPC@2+"] = "No space left on device",
  }) do
    it("keeps what it has when the disk is full at " .. point, function()
      local names = write_inputs(INPUTS)
      interrupted(names)
      local result = with_faults("%s -j1 --journal d job.lua " .. names, point)
      assert.is_true(result.status == 1 or result.status == 3)
      assert.match(message, result.stderr)
      assert.is_true(run("%s --journal d job.lua " .. names).stdout == expected())
    end)
  end

  it("draws the same at random, and knows the first and the last", function()
    local names = write_inputs(INPUTS)
    local command = "%s -j2 --memory 256K --seed 3 -e 'emit(1, math.random()) emit(2, record) for i = 1, 60 do emit(record .. i) end' "
    for _, combine in ipairs({"first", "last"}) do
      local job = command .. "--reduce " .. combine .. " " .. names
      local kept = job:gsub("%-j2", "-j1 --journal d")
      with_faults(kept, "manifest.append:kill@3")
      assert.equal("directory", lfs.attributes(folder .. "d", "mode"))
      assert.is_true(run(job).stdout == run(kept).stdout)
    end
  end)
end)

describe("a map-reduce job of a script", function()
  local parallel = require("parallel")

  local function job()
    return {
      map = function(record, emit)
        for i = 1, 60 do emit(record .. i) end
      end,
      combine = "count", memory = "256K", workers = 1, journal = folder .. "d", inputs = {folder .. "a"},
    }
  end

  it("has a journal too", function()
    files.write("a", "one\ntwo\n")
    local result = parallel.mapreduce(job())
    assert.equal(120, result:count())
    assert.equal(0, result.stats.resumed)
    result:close()
    assert.is_nil(lfs.attributes(folder .. "d"))
  end)

  it("keeps it until `after` has returned", function()
    files.write("a", "one\ntwo\n")
    local failing = job()
    failing.after = function() error("not yet", 0) end
    assert.error_matches(function() parallel.mapreduce(failing) end, "not yet")
    local result = parallel.mapreduce(job())
    assert.equal(1, result.stats.resumed)
    result:close()
  end)
end)
