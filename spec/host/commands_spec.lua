-- The program's commands, and what it says of a job instead of running it.
local files = require("spec.support.files")
local shell = require("spec.support.shell")

local folder = os.getenv("TMPDIR") .. "/files/"

local function run(command, options)
  files.write("a.txt", "one\ntwo\n")
  return shell.run(("cd '%s' && %s"):format(folder, (command:gsub("%%s", shell.program()))), options)
end

local function check(script, options)
  files.write("job.lua", script)
  return run("%s " .. (options or "") .. " check job.lua")
end

local function assert_refused(message, result)
  assert.same({stdout = "", stderr = "parallel-lua: " .. message .. "\n", status = 2}, result)
end

describe("check", function()
  it("says what a job would do, and does none of it", function()
    local result = check([[return {
      map = function() error("never") end, before = function() error("never") end,
      combine = "sum", sort = "value desc", top = 3}]], "-j2")
    assert.same({"", 0}, {result.stderr, result.status})
    assert.match("^job.lua: a job that keeps the contract\n", result.stdout)
    for _, line in ipairs({'records     "line"', "combine     sum, in the map workers and while merging",
                           "partitions  8", "sort        by value, greatest first", "top         3",
                           "output      standard output, as tsv"}) do
      assert.match("\n" .. line .. "\n", result.stdout, 1, true)
    end
  end)

  it("names what is wrong with file and line", function()
    assert_refused("job.lua:3: 'combine' must be one of sum, count, min, max, mean, first, last, list, set, hist, " ..
      "top:N, got 'summ'", check("return {\n  map = print,\n  combine = 'summ',\n}"))
    assert_refused("job.lua:2: 'map' must be a function, got number", check("return {\n  map = 3, combine = 'sum' }"))
    assert_refused("job.lua:2: 'map' must be a function, got number", check("local job = {}\njob.map = 3\nreturn job"))
    assert_refused("job.lua:3: unknown field 'maps'", check("return {\n  map = print,\n  maps = 1}"))
    assert_refused("job.lua: 'map' must be a function, got nil", check("return {combine = 'sum'}"))
  end)

  it("names the line of a script that does not compile, or raises", function()
    assert_refused("job.lua:2: unexpected symbol near '}'", check("return {\n  map = }"))
    assert_refused("job.lua:1: no", check("error('no')"))
  end)

  it("wants a job", function()
    assert_refused("job.lua: it returns no job, which is a table with a function 'map'", check("return 3"))
    assert_refused("which job? parallel-lua check job.lua", run("%s check"))
    assert_refused("cannot open none.lua: No such file or directory", run("%s check none.lua"))
  end)

  it("minds the options", function()
    assert_refused("job.lua: 'halt' must be now,fail=N, soon,fail=N (or N%) or never, got 'x'",
      check("return {map = print}", "--halt x"))
  end)
end)

describe("a dry run", function()
  it("prints the plan and does nothing", function()
    local result = run("%s -j2 --dry-run -o out --reduce sum -e 'os.remove(path)' a.txt")
    assert.same({"", 0}, {result.stderr, result.status})
    assert.match("^inputs      1 file, 8 bytes\nsplits      1, in 1 batch\n", result.stdout)
    assert.match("\nworkers     2, of %d+ processors\n", result.stdout)
    assert.match("\noutput      'out', as tsv\n$", result.stdout)
    assert.is_nil(files.read(files.path("out")))
    assert.equal("one\ntwo\n", files.read(files.path("a.txt")))
  end)

  it("tells of inputs that are not there", function()
    assert.same({stdout = "", stderr = "parallel-lua: cannot open 'none': No such file or directory\n", status = 3},
      run("%s --dry-run -e 'emit(record)' none"))
  end)

  it("reads nothing of standard input", function()
    assert.match("^inputs      0 files, 0 bytes, and standard input\n", run("%s --dry-run -e 'emit(record)'").stdout)
  end)
end)

describe("doctor", function()
  it("has a line for each thing, with what it means", function()
    local result = run("%s doctor")
    assert.same({"", 0}, {result.stderr, result.status})
    for _, name in ipairs({"Lua", "start methods", "libzstd", "libsodium", "processors", "pidfd", "memfd", "descriptors",
                           "shared memory", "tmpdir", "gzip"}) do
      assert.match("%f[^\n%z]" .. name .. "%s+%l+%s+%S", "\n" .. result.stdout)
    end
    for line in result.stdout:gmatch("[^\n]+") do
      local state = line:sub(16):match("^(%l+)")
      assert.is_true(state == "ok" or state == "missing", line)
    end
  end)

  it("notices what is missing", function()
    local result = run("PATH=/nowhere TMPDIR=/nowhere %s doctor")
    assert.match("\ngzip%s+missing%s+not in $PATH: .gz inputs cannot be read; install gzip\n", result.stdout)
    assert.match("\ntmpdir%s+missing%s+/nowhere: No such file or directory; name another with TMPDIR\n", result.stdout)
  end)

  it("tells how many workers the descriptors suffice for", function()
    assert.match("\ndescriptors%s+missing  100, enough for 21 workers; more with: ulimit %-n 4096\n",
      run("ulimit -n 100 && %s doctor").stdout)
  end)
end)

describe("completion", function()
  for shell_name, expected in pairs({bash = "complete %-F _parallel%-lua", zsh = "#compdef parallel%-lua",
                                     fish = "complete %-c parallel%-lua"}) do
    it("is there for " .. shell_name, function()
      local result = run("%s completion " .. shell_name)
      assert.same({"", 0}, {result.stderr, result.status})
      assert.match(expected, result.stdout)
      for _, word in ipairs({"joblog", "records", "doctor"}) do assert.match(word, result.stdout, 1, true) end
    end)
  end

  it("for bash offers what begins so", function()
    local result = run([[%s completion bash > comp && bash -c '. ./comp
      COMP_WORDS=(parallel-lua --jo) COMP_CWORD=1; _parallel-lua; echo "${COMPREPLY[*]}"']])
    assert.same({stdout = "--joblog --journal --jobs\n", stderr = "", status = 0}, result)
  end)

  it("is not there for other shells", function()
    assert_refused("completion is for bash, zsh or fish, got 'ksh'", run("%s completion ksh"))
  end)
end)
