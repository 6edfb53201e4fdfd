-- The program as users run it: whole outputs and exit statuses.
local files = require("spec.support.files")
local shell = require("spec.support.shell")
local testing = require("parallel.core").testing

local TEXT = "The cat saw the dog.\nA dog!\n"
local COUNT = [[
return {
  map = function(line, emit) emit:all(parallel.words(line, "lower")) end,
  combine = "sum",
}]]
local COUNTED = "a\t1\ncat\t1\ndog\t2\nsaw\t1\nthe\t2\n"

local folder = os.getenv("TMPDIR") .. "/files/"

-- Runs it in the folder of the files, so that messages hold their bare names.
local function command(...)
  return {"sh", "-c", "cd " .. folder .. ' && exec "$@"', "sh", shell.program(), ...}
end

local function run(arguments, options)
  return shell.run(command((unpack or table.unpack)(arguments)), options)
end

-- Of a script with this text, over a text, with these options before it.
local function run_script(script, options, environment)
  files.write("job.lua", script)
  files.write("a.txt", TEXT)
  local arguments = {"-j2"}
  for _, option in ipairs(options or {}) do arguments[#arguments + 1] = option end
  arguments[#arguments + 1] = "job.lua"
  arguments[#arguments + 1] = "a.txt"
  return run(arguments, environment and {env = environment})
end

local function assert_prints(stdout, result)
  assert.same({stdout = stdout, stderr = "", status = 0}, result)
end

local function assert_fails(status, message, result)
  assert.same({stdout = "", stderr = "parallel-lua: " .. message .. "\n", status = status}, result)
end

describe("parallel-lua", function()
  it("prints key and value by key", function()
    assert_prints(COUNTED, run_script(COUNT))
  end)

  it("prints JSON", function()
    assert_prints('{"key": "a", "value": 1}\n{"key": "cat", "value": 1}\n{"key": "dog", "value": 2}\n' ..
      '{"key": "saw", "value": 1}\n{"key": "the", "value": 2}\n', run_script(COUNT, {"-f", "json"}))
  end)

  for option, expected in pairs({
    ["--top=2"] = "dog\t2\nthe\t2\n",
    ["--sort=-key"] = "the\t2\nsaw\t1\ndog\t2\ncat\t1\na\t1\n",
    ["--sort=value"] = "a\t1\ncat\t1\nsaw\t1\ndog\t2\nthe\t2\n",
    ["--sort=-value"] = "dog\t2\nthe\t2\na\t1\ncat\t1\nsaw\t1\n",
  }) do
    it("takes " .. option, function()
      assert_prints(expected, run_script(COUNT, {option}))
    end)
  end

  it("takes an option's value as a word of its own, with a dash too", function()
    assert_prints("dog\t2\nthe\t2\n", run_script(COUNT, {"--sort", "-value", "--top", "2", "-j", "1"}))
  end)

  it("prints every pair once without an order", function()
    local result = run_script(COUNT, {"--sort", "none"})
    local lines = {}
    for line in result.stdout:gmatch("[^\n]*\n") do lines[#lines + 1] = line end
    table.sort(lines)
    assert.equal(COUNTED, table.concat(lines))
  end)

  for _, jobs in ipairs({"1", "+1", "-1", "-100", "100%", "5"}) do
    it("takes -j" .. jobs, function()
      assert_prints(COUNTED, run_script(COUNT, {"-j" .. jobs}))
    end)
  end

  it("tells its version", function()
    files.write("here", "")
    assert_prints("parallel-lua 0.1.0\n", run({"--version"}))
  end)

  it("tells its options", function()
    files.write("here", "")
    local result = run({"--help"})
    assert.equal(0, result.status)
    assert.equal("", result.stderr)
    assert.match("^Usage: parallel%-lua %[options%] script.lua %[arguments%]\n", result.stdout)
    for _, option in ipairs({"--jobs", "--top", "--sort", "--format", "--progress", "--version"}) do
      assert.match(option, result.stdout, 1, true)
    end
  end)

  it("runs a plain script with its arguments", function()
    assert_prints("job.lua\ta.txt\n", run_script("print(arg[0], ...)"))
  end)

  it("runs a script that uses the module", function()
    assert_prints("5\n", run_script([[
      local parallel = require "parallel"
      local result = parallel.mapreduce({
        inputs = {...},
        map = function(line, emit) emit:all(parallel.words(line, "lower")) end,
        combine = "sum",
      })
      print(result:count())
      result:close()
    ]]))
  end)

  it("ends as os.exit in a script says", function()
    assert.same({stdout = "", stderr = "", status = 7}, run_script("os.exit(7)"))
  end)

  it("walks directories", function()
    files.write("job.lua", COUNT)
    files.write("shelf/a.txt", "one two\n")
    files.write("shelf/deep/b.txt", "two")
    assert_prints("one\t1\ntwo\t2\n", run({"-j2", "job.lua", "shelf"}))
  end)

  it("prints nothing for empty files", function()
    files.write("job.lua", COUNT)
    files.write("empty", "")
    assert_prints("", run({"job.lua", "empty"}))
  end)

  it("reads empty files beside others", function()
    files.write("job.lua", COUNT)
    files.write("empty", "")
    files.write("one", "one")
    assert_prints("one\t1\n", run({"-j3", "job.lua", "empty", "one", "empty"}))
  end)
end)

describe("many arguments", function()
  it("are inputs all the same, however many", function()
    files.write("job.lua", COUNT)
    files.write("one", "one\n")
    assert_prints("one\t20000\n", shell.run(("cd %s && %s job.lua $(printf 'one %%.0s' $(seq 20000))"):format(
      folder, shell.program())))
  end)
end)

describe("wrong usage", function()
  it("without a script is told", function()
    files.write("here", "")
    assert_fails(2, "which script? (see --help)", run({}))
  end)

  for _, case in ipairs({
    {"--nonsense", "unknown option '--nonsense' (see --help)"},
    {"--top=x", "--top takes a number, got 'x' (see --help)"},
    {"--top=0", "job.lua: 'top' must be a whole number, at least 1, got 0"},
    {"--top=1.5", "job.lua: 'top' must be a whole number, at least 1, got 1.5"},
    {"--sort=length", "--sort takes key, -key, value, -value or none, got 'length'"},
    {"-jmany", "-j takes N, +N, -N or N%, got 'many'"},
    {"-fxml", "argument for option '-f' must be one of 'tsv', 'json', 'csv', 'lua', 'raw' (see --help)"},
  }) do
    it("as in " .. case[1] .. " is told", function()
      assert_fails(2, case[2], run_script(COUNT, {case[1]}))
    end)
  end

  it("in a field that the command line replaces is told", function()
    files.write("job.lua", "return {map = print, inputs = 5}")
    assert_fails(2, "job.lua: 'inputs' must be a table, got number", run({"job.lua", "job.lua"}))
  end)

  it("without inputs is told", function()
    files.write("job.lua", COUNT)
    assert_fails(2, "job.lua: no input files", run({"job.lua"}))
  end)

  it("with a script that is not there is told", function()
    files.write("here", "")
    assert_fails(2, "cannot open none.lua: No such file or directory", run({"none.lua"}))
  end)

  it("with a script that does not compile is told with its line", function()
    local result = run_script("return {\n  map = ,\n}")
    assert.equal(2, result.status)
    assert.match("^parallel%-lua: job.lua:2: unexpected symbol near ','\n$", result.stderr)
  end)

  for script, message in pairs({
    ["return {combine = 'sum'}"] = "'map' must be a function, got nil",
    ["return {map = 3}"] = "'map' must be a function, got number",
    ["return {map = print, combine = 'summ'}"] =
      "'combine' must be one of sum, count, min, max, mean, first, last, list, set, hist, top:N, got 'summ'",
    ["return {map = print, combine = 'sum', sort = 'size'}"] =
      "'sort' must be key or value, with desc or without, got 'size'",
    ["return {map = print, combine = 'sum', maps = 1}"] = "unknown field 'maps'",
    ["return {map = print, combine = 'sum', records = ''}"] = "'records' must not be empty",
    ["return {map = print, combine = 'sum', retries = -1}"] =
      "'retries' must be a whole number, at least 0, got -1",
    ["return {map = print, combine = 'sum', partitions = 0.5}"] =
      "'partitions' must be a whole number, at least 1, got 0.5",
  }) do
    it("as in " .. script .. " is told", function()
      assert_fails(2, "job.lua: " .. message, run_script(script))
    end)
  end
end)

describe("a script that raises", function()
  it("is told with its lines and none of ours", function()
    assert_fails(1, "job.lua:2: boom\nstack traceback:\n\tjob.lua:2: in main chunk",
      run_script("\nerror('boom')"))
  end)

  it("may raise a table", function()
    assert_fails(1, "(error object is a table value)", run_script("error({})"))
  end)

  it("in map is told with the place in the input too", function()
    local result = run_script([[
      local function look(line)
        if line:find("A dog") then error("no dogs") end
      end
      return {map = function(line) look(line) end, combine = "sum"}
    ]])
    assert.equal("", result.stdout)
    assert.equal(1, result.status)
    assert.match("^parallel%-lua: a.txt:0%+28: job.lua:2: no dogs\nstack traceback:\n" ..
      "\t%[C%]: in function 'error'\n\tjob.lua:2: in [^\n]*look[^\n]*\n" ..
      "\tjob.lua:4: in function <job.lua:4>\n$",
      result.stderr)
  end)

  it("in reduce is told", function()
    local result = run_script([[return {
      map = function(line, emit) emit(line) end, combine = "sum",
      reduce = function() error("cannot add up") end,
    }]])
    assert.equal(1, result.status)
    assert.match("^parallel%-lua: reduce of key '[^\n']+': job.lua:3: cannot add up\nstack traceback:\n.*\tjob.lua:3: in ",
      result.stderr)
    assert.not_match("parallel/", result.stderr)
  end)

  it("by a field that mapreduce does not know is told at its line", function()
    local result = run_script([[parallel.mapreduce({map = print, combine = "sum", bogus = 1})]])
    assert.equal(1, result.status)
    assert.match("^parallel%-lua: job.lua:1: bad job: unknown field 'bogus'\n", result.stderr)
    assert.not_match("parallel/", result.stderr)
  end)
end)

describe("trouble with input", function()
  it("that is missing is told", function()
    files.write("job.lua", COUNT)
    assert_fails(3, "cannot open 'none': No such file or directory", run({"job.lua", "none"}))
  end)

  it("that cannot be opened is told", function()
    assert_fails(3, "cannot open 'a.txt': Input/output error",
      run_script(COUNT, {}, {PARALLEL_LUA_FAULT = "sys.open:EIO@1"}))
  end)

  it("that cannot be read is told with the place", function()
    assert_fails(3, "a.txt:0+28: cannot read 'a.txt': Input/output error",
      run_script(COUNT, {}, {PARALLEL_LUA_FAULT = "sys.pread:EIO@1"}))
  end)

  it("that is a device is told", function()
    files.write("job.lua", COUNT)
    assert_fails(3, "cannot read '/dev/null': it is neither a file, a directory nor a pipe",
      run({"job.lua", "/dev/null"}))
  end)
end)

describe("trouble with output", function()
  it("that is full is told", function()
    files.write("job.lua", COUNT)
    files.write("a.txt", TEXT)
    local result = shell.run(("cd %s && %s job.lua a.txt >/dev/full"):format(folder, shell.program()))
    assert_fails(3, "cannot write the output: No space left on device", result)
  end)

  it("that is full is told of a plain script too", function()
    files.write("job.lua", "print('hi')")
    local result = shell.run(("cd %s && %s job.lua >/dev/full"):format(folder, shell.program()))
    assert.equal(3, result.status)
    assert.match("^parallel%-lua: cannot write the output", result.stderr)
  end)

  it("that is full is told of --help and --version", function()
    for _, option in ipairs({"--help", "--version"}) do
      assert_fails(3, "cannot write the output", shell.run(shell.program() .. " " .. option .. " >/dev/full"))
    end
  end)

  it("that is closed is told", function()
    files.write("job.lua", COUNT)
    files.write("a.txt", TEXT)
    local result = shell.run(("cd %s && %s job.lua a.txt >&-"):format(folder, shell.program()))
    assert.equal(3, result.status)
    assert.equal("parallel-lua: cannot write the output: Bad file descriptor\n", result.stderr)
  end)

  it("that nobody reads any more ends it quietly", function()
    files.write("job.lua", [[return {map = function(line, emit) emit(line) end, combine = "sum"}]])
    local lines = {}
    for i = 1, 30000 do lines[i] = ("line %06d, long enough to fill the pipe\n"):format(i) end
    files.write("a.txt", table.concat(lines))
    local result = shell.run(("cd %s && { %s job.lua a.txt; echo $? >status; } | head -1"):format(
      folder, shell.program()))
    assert.equal("", result.stderr)
    assert.equal("line 000001, long enough to fill the pipe\t1\n", result.stdout)
    assert.equal("141\n", files.read(folder .. "status"))
  end)

  it("of runs is told with the place", function()
    assert_fails(3, "cannot write a run: No space left on device",
      run_script(COUNT, {}, {PARALLEL_LUA_FAULT = "sys.pwrite:ENOSPC@*"}))
  end)
end)

describe("a worker that dies", function()
  it("once changes nothing", function()
    assert_prints(COUNTED, run_script(COUNT, {}, {PARALLEL_LUA_FAULT = "task.begin:kill@1"}))
  end)

  it("at the same record each time is told with the piece and the signal", function()
    local result = run_script([[return {
      map = function(line) if line:find("A dog") then os.execute("kill -9 $PPID") end end, combine = "sum",
    }]])
    assert.equal(1, result.status)
    assert.equal("", result.stdout)
    assert.match("^parallel%-lua: a.txt:0%+28: worker %d %(pid %d+%) was killed by SIGKILL, " ..
      "the last of 3 times\n$", result.stderr)
  end)

  it("before it begins its piece is told with the piece all the same", function()
    local result = run_script(COUNT, {}, {PARALLEL_LUA_FAULT = "task.begin:segv@*"})
    assert.equal(1, result.status)
    assert.match("^parallel%-lua: a.txt:0%+28: worker %d %(pid %d+%) was killed by SIGSEGV, " ..
      "the last of 3 times\n$", result.stderr)
  end)

  it("by os.exit is told with the status", function()
    local result = run_script([[return {map = function() os.exit(9) end, combine = "sum", retries = 0}]])
    assert.equal(1, result.status)
    assert.match("^parallel%-lua: a.txt:0%+28: worker %d %(pid %d+%) exited with status 9\n$", result.stderr)
  end)

  it("before it is ready, each time, is told", function()
    assert_fails(1, "cannot start any worker: the workers end before they are ready: " ..
      "the last was killed by SIGKILL",
      run_script(COUNT, {}, {PARALLEL_LUA_FAULT = "worker.begin:kill@*"}))
  end)
end)

-- Each worker tells that it is there, then never ends.
local ENDLESS = [[return {
  map = function()
    io.open("started", "a"):write("x"):close()
    while true do end
  end,
  combine = "sum",
}]]
if jit then ENDLESS = ENDLESS:gsub('"a"%):write%("x"%):close%(%)', '"a"):close()') end

local function is_alive(pid) return (testing.kill(pid, "0")) end

local function start_endless()
  files.write("job.lua", ENDLESS)
  files.write("a.txt", TEXT)
  files.write("b.txt", TEXT)
  local program = shell.start(command("-j2", "job.lua", "a.txt", "b.txt"), {group = true})
  while is_alive(program.pid) and not files.read(folder .. "started") do end
  return program
end

describe("a signal", function()
  for _, name in ipairs({"INT", "TERM", "HUP"}) do
    it("SIG" .. name .. " ends program and workers with one line", function()
      local program = start_endless()
      program:kill(name)
      assert.same({stdout = "", stderr = "parallel-lua: interrupted by SIG" .. name .. "\n",
        signal = "SIG" .. name}, program:wait())
    end)

    it("SIG" .. name .. " to the process group does the same", function()
      local program = start_endless()
      testing.kill(-program.pid, name)
      assert.same({stdout = "", stderr = "parallel-lua: interrupted by SIG" .. name .. "\n",
        signal = "SIG" .. name}, program:wait())
    end)
  end

  it("SIGKILL ends the workers too", function()
    local program = start_endless()
    program:kill("KILL")
    assert.same({stdout = "", stderr = "", signal = "SIGKILL"}, program:wait())
    -- the harness fails this test when a worker lives on
  end)

  -- what waits, by the system call that does
  local WAITS = {
    poll = "parallel.Pipe():recv()",
    futex = "parallel.Queue():get()",
    epoll_wait = "parallel.Pool(1):apply(function() while true do end end)",
  }
  for call, code in pairs(WAITS) do
    for form, text in pairs({[""] = "%s", [" in a coroutine"] = "coroutine.wrap(function() %s end)()"}) do
      it(("that comes just before %s%s ends the wait"):format(call, form), function()
        files.write("job.lua", "parallel = require 'parallel' " .. text:format(code))
        local fault = ("sys.%s:interrupt@1"):format(call)
        assert.same({stdout = "", stderr = "parallel-lua: interrupted by SIGINT\n", signal = "SIGINT"},
          run({"job.lua"}, {env = {PARALLEL_LUA_FAULT = fault}}))
      end)
    end
  end

  it("reaches code that LuaJIT compiled where that asks for a pool's events", function()
    files.write("job.lua", [[
      local pool = require "parallel".Pool(1)
      pool:apply_async(function() while true do end end)
      for i = 1, 1000 do pool:step() end
      io.open("started", "w"):close()
      while true do pool:step() end]])
    local program = shell.start(command("job.lua"), {group = true})
    while is_alive(program.pid) and not files.read(folder .. "started") do end
    program:kill("INT")
    assert.same({stdout = "", stderr = "parallel-lua: interrupted by SIGINT\n", signal = "SIGINT"},
      program:wait())
  end)

  it("ends the program that is in a callback, whose own errors do not", function()
    files.write("job.lua", [[
      if jit then jit.off() end
      local pool = require "parallel".Pool(1)
      pool:apply(type, 1)
      pool:apply_async(type, {1}, {callback = function() error("own") end}):wait()
      pool:apply_async(type, {1}, {callback = function()
        io.open("started", "w"):close()
        while true do end
      end})
      while true do pool:step() end]])
    local program = shell.start(command("job.lua"), {group = true})
    while is_alive(program.pid) and not files.read(folder .. "started") do end
    program:kill("INT")
    local result = program:wait()
    assert.equal("SIGINT", result.signal)
    assert.match("parallel%-lua: interrupted by SIGINT\n$", result.stderr)
  end)

  it("that ends a plain script is told in one line", function()
    -- compiled loops notice nothing, here as in luajit itself: a second signal ends them
    files.write("job.lua", "if jit then jit.off() end io.open('started', 'w'):close() while true do end")
    local program = shell.start(command("job.lua"), {group = true})
    while is_alive(program.pid) and not files.read(folder .. "started") do end
    program:kill("INT")
    assert.same({stdout = "", stderr = "parallel-lua: interrupted by SIGINT\n", signal = "SIGINT"},
      program:wait())
  end)
end)

describe("--progress", function()
  it("without a terminal writes what it came to, and nothing else", function()
    local result = run_script(COUNT, {"--progress"})
    assert.equal(COUNTED, result.stdout)
    assert.match("^28 B in %d+%.%d%d s %([%d.e+]+ k?M?B/s%)\n$", result.stderr)
  end)

  it("on a terminal draws a bar and erases it", function()
    if shell.run("script -qec true /dev/null").status ~= 0 then
      pending("script(1) cannot make a terminal here")
    end
    files.write("job.lua", COUNT)
    files.write("a.txt", TEXT)
    local result = shell.run(("cd %s && script -qec '%s -j2 --progress job.lua a.txt >out' /dev/null"):format(
      folder, shell.program()))
    assert.equal(0, result.status)
    assert.equal(COUNTED, files.read(folder .. "out"))
    assert.match("^\r%[[=> ]+%] +%d+%%  .* busy\27%[K", result.stdout)
    assert.match("\r\27%[K28 B in %d+%.%d%d s %([^\n]*/s%)\r\n$", result.stdout)
  end)
end)
