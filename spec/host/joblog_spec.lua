-- --joblog, and what goes on from there.
local files = require("spec.support.files")
local shell = require("spec.support.shell")

local folder = os.getenv("TMPDIR") .. "/files/"

local function run(command, options)
  return shell.run(("cd '%s' && %s"):format(folder, (command:gsub("%%s", shell.program()))), options)
end

local function write_inputs()
  files.write("a", "one\n")
  files.write("b", "two\n")
end

local BAD = [[-e 'if record == "two" then error("bad") end emit(record)' a b]]
local ECHO = "-e 'emit(record)' a b"

-- The lines, as lists of their fields.
local function log_lines()
  local lines = {}
  for line in files.read(files.path("log")):gmatch("([^\n]*)\n") do
    local fields = {}
    for field in (line .. "\t"):gmatch("([^\t]*)\t") do fields[#fields + 1] = field end
    lines[#lines + 1] = fields
  end
  return lines
end

local function statuses()
  local by_path = {}
  for _, fields in ipairs(log_lines()) do by_path[fields[1]] = fields[8] end
  return by_path
end

describe("a job log", function()
  it("has a line for each split: which bytes it was, when it ran and how that ended", function()
    write_inputs()
    assert.equal(0, run("%s -j1 --joblog log " .. ECHO).status)
    local lines = log_lines()
    assert.equal(2, #lines)
    assert.same({"a", "4", "0", "4", "0"}, {lines[1][1], lines[1][2], lines[1][4], lines[1][5], lines[1][8]})
    assert.is_true(math.abs(lines[1][6] - os.time()) < 3600)
    assert.is_true(tonumber(lines[1][3]) > 1e9 and tonumber(lines[1][7]) >= 0)
  end)

  it("is for its owner alone", function()
    write_inputs()
    run("%s --joblog log " .. ECHO)
    assert.equal("600\n", run("stat -c %a log").stdout)
  end)

  it("is made anew", function()
    write_inputs()
    files.write("log", "old\n")
    run("%s --joblog log " .. ECHO)
    assert.equal(2, #log_lines())
  end)

  it("has standard input, whose size and time are not known", function()
    assert.equal("one\n", run("echo one | %s --joblog log -e 'emit(record)'").stdout)
    local line = log_lines()[1]
    assert.same({"-", "0", "0.000000000", "0", "4", "0"}, {line[1], line[2], line[3], line[4], line[5], line[8]})
  end)

  it("is not written through a symbolic link", function()
    write_inputs()
    assert.same({stdout = "", stderr = "parallel-lua: cannot write 'log': Too many levels of symbolic links\n", status = 3},
      run("ln -s other log && %s --joblog log " .. ECHO))
  end)

  for command, status in pairs({
    [BAD] = "1",
    [ [[-e 'if record == "two" then os.exit(7) end emit(record)' a b]] ] = "7",
    [ [[--timeout 0.05 -e 'if record == "two" then while true do end end emit(record)' a b]] ] = "124",
    [ [[--retries 0 -e 'if record == "two" then os.execute("kill -9 $PPID") end emit(record)' a b]] ] = "137",
  }) do
    it("says " .. status .. " of a split that failed so: " .. command, function()
      write_inputs()
      assert.equal(1, run("%s -j2 --halt never --joblog log " .. command).status)
      assert.same({a = "0", b = status}, statuses())
    end)
  end

  it("is written of jobs that reduce too", function()
    write_inputs()
    assert.equal("one\t1\ntwo\t1\n", run("%s --joblog log --reduce count " .. ECHO).stdout)
    assert.same({a = "0", b = "0"}, statuses())
  end)

  it("cannot be on a full disk", function()
    write_inputs()
    local result = run("%s --joblog /dev/full " .. ECHO)
    assert.equal(3, result.status)
    assert.equal("parallel-lua: cannot write the job log '/dev/full': No space left on device\n", result.stderr)
  end)
end)

describe("a job that resumes", function()
  it("maps what is not in the log", function()
    write_inputs()
    run("%s -j1 --joblog log -e 'emit(record)' a")
    assert.same({stdout = "two\n", stderr = "", status = 0}, run("%s --joblog log --resume " .. ECHO))
    assert.same({a = "0", b = "0"}, statuses())
    assert.same({stdout = "", stderr = "", status = 0}, run("%s --joblog log --resume " .. ECHO))
  end)

  it("maps all without a log", function()
    write_inputs()
    assert.equal("one\ntwo\n", run("%s --joblog log --resume " .. ECHO).stdout)
  end)

  it("leaves out what failed, and says so", function()
    write_inputs()
    run("%s --halt never --joblog log " .. BAD)
    assert.same({stdout = "", status = 1, stderr =
      "parallel-lua: 1 split failed in an earlier run, and was left out (see --resume-failed)\n"},
      run("%s --joblog log --resume " .. ECHO))
  end)

  it("runs what failed again when asked to", function()
    write_inputs()
    run("%s -j1 --halt never --joblog log " .. BAD)
    assert.same({stdout = "two\n", stderr = "", status = 0}, run("%s --joblog log --resume-failed " .. ECHO))
    assert.same({a = "0", b = "0"}, statuses())
  end)

  it("knows splits by what they are, wherever they stand", function()
    write_inputs()
    files.write("0", "zero\n")
    run("%s --joblog log -e 'emit(record)' b a")
    assert.equal("zero\n", run("%s --joblog log --resume -e 'emit(record)' 0 a b").stdout)
  end)

  it("maps a file again that has changed", function()
    write_inputs()
    run("%s --joblog log " .. ECHO)
    files.write("a", "one more\n")
    assert.equal("one more\n", run("%s --joblog log --resume " .. ECHO).stdout)
    run("touch -d 2001-01-01 b")
    assert.equal("two\n", run("%s --joblog log --resume " .. ECHO).stdout)
  end)

  it("cuts big files alike for any number of workers", function()
    files.write("a", ("x"):rep(99, "") .. "\n")
    files.write("a", (("x"):rep(99) .. "\n"):rep(30000))
    run("%s -j1 --joblog log -e 'emit(record)' a")
    assert.equal("", run("%s -j3 --joblog log --resume -e 'emit(record)' a").stdout)
  end)

  for _, name in ipairs({"new\nline", "tab\tbed", "back\\slash", "-dash", "quote'\"", "\255\254", " "}) do
    it("knows a file again whose name is " .. name:gsub("[%c\128-\255]", "?"), function()
      files.write(name, "text\n")
      local command = {shell.program(), "--joblog", files.path("log"), "-e", "emit(record)", files.path(name)}
      assert.equal("text\n", shell.run(command).stdout)
      table.insert(command, 2, "--resume")
      assert.equal("", shell.run(command).stdout)
      assert.equal(1, #log_lines())
    end)
  end

  it("does not trust a line that was torn", function()
    write_inputs()
    run("%s --joblog log " .. ECHO)
    local text = files.read(files.path("log"))
    files.write("log", text:sub(1, -4))
    assert.equal("two\n", run("%s --joblog log --resume " .. ECHO).stdout)
    assert.equal(0, run("%s --joblog log --resume " .. ECHO).status)
    assert.equal("", run("%s --joblog log --resume " .. ECHO).stdout)
  end)

  it("takes what is no log for an empty one", function()
    write_inputs()
    files.write("log", "\0\255\n\t\t\t\n\n1\t2\t3\n")
    assert.equal("one\ntwo\n", run("%s --joblog log --resume " .. ECHO).stdout)
  end)

  it("has every line once although all was killed in between", function()
    local lines = {}
    for i = 1, 20 do
      files.write("f" .. i, i .. "\n")
      lines[i] = i .. "\n"
    end
    files.write("out", "")
    local inputs = "f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12 f13 f14 f15 f16 f17 f18 f19 f20"
    for at = 1, 3 do
      local job = shell.start(("cd '%s' && exec %s -j2 --joblog log --resume -e 'emit(record)' %s >> out"):format(
        folder, shell.program(), inputs), {env = {PARALLEL_LUA_FAULT = "pool.result:kill@" .. at}})
      job:wait()
    end
    run("%s -j2 --joblog log --resume -e 'emit(record)' " .. inputs .. " >> out")
    assert.equal(table.concat(lines), files.read(files.path("out")))
  end)

  it("is not planned to do what is done", function()
    write_inputs()
    run("%s -j1 --joblog log -e 'emit(record)' a")
    local result = run("%s --dry-run --joblog log --resume " .. ECHO)
    assert.match("^inputs      1 file, 4 bytes\nsplits      1, in 1 batch\n", result.stdout)
    assert.equal(1, #log_lines())
  end)
end)

