-- The harness is tried on small spec files of its own, each run by busted in a
-- process of its own.
local files = require "spec.support.files"
local inner_run = require "spec.support.inner_run"
local shell = require "spec.support.shell"
local testing = require("parallel.core").testing

local SPEC = [[
local testing = require("parallel.core").testing
local open_since_long = io.open("/dev/null")
describe("it", function()
  it("works", function()
    BODY
  end)
end)
]]

local function run_test(body, variables)
  return inner_run((SPEC:gsub("BODY", (body:gsub("%%", "%%%%")))), variables)
end

local function assert_fails_with(message, result)
  assert.match(message, result.stdout, 1, true)
  assert.equal("0 passed, 1 failed, 0 skipped\n", result.closing_line)
  assert.not_equal(0, result.status)
end

describe("the harness", function()
  it("lets a test pass that cleans up", function()
    local result = run_test([[
      local file = io.open(os.getenv("TMPDIR") .. "/a", "w")
      file:close()
      os.remove(os.getenv("TMPDIR") .. "/a")
      require("spec.support.files").write("b", "removed by the harness")
      io.open("/dev/null") -- garbage is collected before descriptors are counted
    ]])
    assert.equal("1 passed, 0 failed, 0 skipped\n", result.closing_line)
    assert.equal(0, result.status)
  end)

  it("fails a test that leaves a descriptor open", function()
    assert_fails_with("(/dev/null)", run_test("kept = io.open('/dev/null')"))
  end)

  it("fails a test that closes a descriptor of somebody else", function()
    local result = run_test("open_since_long:close()")
    assert_fails_with("closed, though it was not its own: descriptor ", result)
  end)

  it("fails a test that leaves a process running, and ends it", function()
    local command = "sleep 1000 & while ! grep -q ^sleep /proc/$!/cmdline; do :; done; echo $! >" .. files.path("pid")
    local result = run_test(("os.execute(%q)"):format(command))
    assert_fails_with("(sleep 1000)", result)
    assert.equal(1, shell.run("kill -0 " .. files.read(files.path("pid"))).status)
  end)

  it("fails a test that did not wait for a child that it forked", function()
    assert_fails_with("ended but not waited for", run_test([[
      if testing.fork() == 0 then testing.kill(testing.getpid(), "KILL") end
    ]], {PARALLEL_LUA_SPEC_GRACE = "1"}))
  end)

  it("does not mind an orphan that has ended", function()
    local result = run_test("os.execute('sleep 0 &')", {PARALLEL_LUA_SPEC_GRACE = "5"})
    assert.equal("1 passed, 0 failed, 0 skipped\n", result.closing_line)
  end)

  it("fails a test that leaves a file in TMPDIR", function()
    assert_fails_with("/left", run_test("io.open(os.getenv('TMPDIR') .. '/left', 'w'):close()"))
  end)

  it("fails a test that leaves a file in /dev/shm", function()
    local result = run_test("io.open('/dev/shm/parallel-lua-spec-' .. testing.getpid(), 'w'):close()")
    local path = result.stdout:match("left behind: file (/dev/shm/parallel%-lua%-spec%-%d+)\n")
    os.remove(path)
    assert_fails_with(path, result)
  end)

  it("does not mind what others leave in /dev/shm", function()
    local path = "/dev/shm/parallel-lua-other-" .. testing.getpid()
    local result = run_test(("io.open(%q, 'w'):close()"):format(path))
    os.remove(path)
    assert.equal("1 passed, 0 failed, 0 skipped\n", result.closing_line)
  end)

  it("tells of a child that comes back into the test run, and goes on without it", function()
    local result = run_test([[
      local pid = testing.fork()
      if pid ~= 0 then testing.wait(pid) end
    ]])
    assert.match("came back into the test run: it works", result.stderr, 1, true)
    assert.equal("1 passed, 0 failed, 0 skipped\n", result.closing_line)
  end)

  it("ends a run that hangs, and shows where each of its processes waits", function()
    local result = run_test("os.execute('sleep 1000; true')", {PARALLEL_LUA_SPEC_SECONDS = "1"})
    assert.equal("SIGKILL", result.signal)
    assert.match("nothing heard for 1 seconds, in: it works\n", result.stderr, 1, true)
    assert.match("sleep 1000 \nwchan: ", result.stderr, 1, true)
    assert.equal("0 passed, 1 failed, 0 skipped\n", result.closing_line)
  end)
end)
