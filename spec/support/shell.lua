-- shell: run programs from specs, and see all that comes out of them.
--
--    local result = shell.run({shell.program(), "--top", "3", script, text})
--    assert.same({status = 0, stdout = "the\t2\n", stderr = ""}, result)
--
-- A command is a list of arguments, or a string for sh.
local core = require "parallel.core"
local files = require "spec.support.files"
local testing = core.testing

local shell = {}

local SIGNALS = {[1] = "SIGHUP", [2] = "SIGINT", [6] = "SIGABRT", [9] = "SIGKILL", [10] = "SIGUSR1",
  [11] = "SIGSEGV", [13] = "SIGPIPE", [14] = "SIGALRM", [15] = "SIGTERM"}

local function absolute(path)
  return path:sub(1, 1) == "/" and path or os.getenv("PWD") .. "/" .. path
end

local function build(default)
  return absolute(os.getenv("PARALLEL_LUA_BUILD") or default)
end

local PROGRAM = jit and "/bin/parallel-luajit" or "/bin/parallel-lua"

--- The program with fault points, for the Lua that runs the specs.
function shell.program()
  return build("build/test") .. PROGRAM
end

--- The program that runs fuzz targets on files, for the same Lua.
function shell.replay()
  return build("build/test") .. (jit and "/bin/luajit-replay" or "/bin/lua5.4-replay")
end

--- The program as users get it.
function shell.release_program()
  return absolute(os.getenv("PARALLEL_LUA_RELEASE") or "build") .. PROGRAM
end

--- The interpreter that runs the specs; `require "parallel"` works in it.
function shell.interpreter()
  local first = 0
  while arg and arg[first - 1] do first = first - 1 end
  return arg and arg[first] or (jit and "luajit" or "lua5.4")
end

local function with_environment(argv, variables)
  local words = {"env"}
  for name, value in pairs(variables) do words[#words + 1] = name .. "=" .. value end
  for _, word in ipairs(argv) do words[#words + 1] = word end
  return words
end

local Command = {}
Command.__index = Command

local started = 0

--- Start a command and go on. Options: stdin (text), env (a table of
-- variables), group (true: it leads a process group of its own).
function shell.start(command, options)
  options = options or {}
  local argv = type(command) == "string" and {"sh", "-c", command} or command
  if options.env then argv = with_environment(argv, options.env) end
  started = started + 1
  local self = setmetatable({
    stdout = files.path(("stdout.%d"):format(started)),
    stderr = files.path(("stderr.%d"):format(started)),
  }, Command)
  local stdin = options.stdin and files.write(("stdin.%d"):format(started), options.stdin)
  self.pid = assert(testing.spawn(argv, stdin or "/dev/null", self.stdout, self.stderr, options.group))
  return self
end

--- Send it a signal, named without "SIG".
function Command:kill(signal)
  return testing.kill(self.pid, signal)
end

--- Wait until what it has printed matches, and return the first capture. Raises what it
-- complained about when it ends before.
function Command:await(pattern)
  while true do
    local over = testing.wait(self.pid, true)
    local found = files.read(self.stdout):match(pattern)
    if found then return found end
    if over then error(("it ended early: %s"):format(files.read(self.stderr))) end
    core.poll({}, 0.001)
  end
end

--- Wait for its end: {stdout =, stderr =, status = or signal = "SIGKILL"}.
function Command:wait()
  local how, number = assert(testing.wait(self.pid))
  return {
    stdout = files.read(self.stdout),
    stderr = files.read(self.stderr),
    status = how == "exit" and number or nil,
    signal = how == "signal" and (SIGNALS[number] or number) or nil,
  }
end

--- Start a command and wait for its end.
function shell.run(command, options)
  return shell.start(command, options):wait()
end

return shell
