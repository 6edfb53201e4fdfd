-- parallel-lua -i: whole sessions, from a pipe.
local files = require "spec.support.files"
local shell = require "spec.support.shell"

local function session(lines, ...)
  return shell.run({shell.program(), "-i", ...}, {stdin = table.concat(lines, "\n") .. "\n"})
end

local function assert_prints(stdout, lines, ...)
  assert.same({stdout = stdout, stderr = "", status = 0}, session(lines, ...))
end

describe("parallel-lua -i", function()
  it("prints the values of expressions, all of them", function()
    assert_prints("3\n1\tnil\tx\n7\n", {"1 + 2", "1, nil, 'x'", "= 7"})
  end)

  it("prints nothing of statements, and of calls that return nothing", function()
    assert_prints("2\n", {"x = 1", "", "-- nothing", "(function() end)()", "x = x + 1", "x"})
  end)

  it("goes on reading until a statement is complete", function()
    assert_prints("1\n2\n5\n", {"for i = 1, 2 do", "  print(i)", "end", "function f(a)", "return a + 1 end", "f(4)"})
  end)

  it("has the library at hand", function()
    assert_prints("9\ntrue\n", {"pool = parallel.Pool(2)", "pool:apply(function(x) return x * x end, 3)", "pool:close()"})
  end)

  it("goes on after an error, which it tells with its place", function()
    local result = session({"do error('oops') end", "x = = 2", "nosuch.x", "'on'"})
    assert.equal("on\n", result.stdout)
    assert.equal(0, result.status)
    assert.match("^stdin:1: oops\n", result.stderr)
    assert.match("\nstdin:1: unexpected symbol near '='\n", result.stderr, 1, true)
    assert.match("nosuch", result.stderr)
  end)

  it("tells a Failure with the worker's traceback", function()
    local result = session({
      "pool = parallel.Pool(1)", "pool:apply(function()", "error('oops') end)", "pool:close()"})
    assert.match("^task 1 failed in worker 1: stdin:2: oops\nstack traceback:\n\tstdin:2: ",
      (result.stderr:gsub("\t%[C%][^\n]*\n", "")))
  end)

  it("tells of what the input's end cut off", function()
    local result = session({"for i = 1, 2 do"})
    assert.match("'end' expected", result.stderr)
    assert.equal(0, result.status)
  end)

  it("reads each line once, though workers are forked in between and exit", function()
    assert_prints("3\n1\n", {
      "pool = parallel.Pool(1)",
      "status = select(2, pcall(pool.apply, pool, os.exit, 3)).exitcode",
      "status", "1"})
  end)

  it("runs a script first, if there is one", function()
    local path = files.write("first.lua", "x = ... print('first')")
    assert_prints("first\na\n", {"x"}, path, "a")
  end)
end)
