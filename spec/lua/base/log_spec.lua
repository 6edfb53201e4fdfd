local parallel = require "parallel"
local shell = require "spec.support.shell"
local trials = require "spec.support.trials"

-- What a program logs that calls `body` after parallel.log(level).
local function logged(level, body)
  local program = ("local parallel = require 'parallel'\n parallel.log(%q)\n%s"):format(level, body)
  local result = shell.run({shell.interpreter(), "-e", program})
  assert.same({0, ""}, {result.status, result.stdout})
  return result.stderr
end

local DEATH = [[
  local pool = parallel.Pool({workers = 1, retries = 1, name = "kitchen"})
  pcall(pool.apply, pool, function() os.execute("kill -9 $PPID") end)
  pool:close()]]

describe("parallel.log", function()
  it("is off until asked for", function()
    local program = "local parallel = require 'parallel'\n" .. DEATH
    assert.equal("", shell.run({shell.interpreter(), "-e", program}).stderr)
  end)

  it("tells of deaths and of tasks that are run again, a line each", function()
    local text = logged("warn", DEATH)
    assert.match("^%d+:%d+:%d+ warn  main %(%d+%): worker 1 %(pid %d+%) was killed by SIGKILL\n", text)
    assert.match("while running task 1; it is run again\n", text)
    assert.match("while running task 1, the last of 2 times\n$", text)
  end)

  it("names the worker that tells", function()
    local text = logged("info", DEATH)
    assert.match(" info  kitchen worker 1 %(%d+%): starts\n", text)
  end)

  it("tells of a worker that leaves and why", function()
    local text = logged("info", [[
      local pool = parallel.Pool({workers = 1, tasks_per_worker = 1})
      pool:apply(type, 1)
      pool:close()]])
    assert.match("pool worker 1 %(%d+%): leaves, and another is started: it has run as many tasks", text)
  end)

  it("tells of a task that took too long", function()
    local text = logged("warn", [[
      local pool = parallel.Pool({workers = 1, timeout = 0.02})
      pcall(pool.apply, pool, function() while true do end end)
      pool:terminate()]])
    assert.match("task 1 timed out after 0.02 s in worker 1", text)
  end)

  it("warns of a callback that raises, which stays with the result", function()
    local text = logged("warn", [[
      local pool = parallel.Pool(1)
      local result = pool:apply_async(type, {1}, {label = "cats", callback = function() error("oh", 0) end})
      assert(result:get() == "number" and result.callback_error == "oh")
      pool:close()]])
    assert.match(" warn  main %(%d+%): a callback of task cats raised: oh\n$", text)
  end)

  it("leaves out what is less grave", function()
    assert.equal("", logged("error", DEATH))
  end)

  it("returns the level that it was, and takes it back", function()
    assert.is_false(parallel.log("warn"))
    assert.equal("warn", parallel.log(false))
  end)

  it("refuses a level that it does not know, at the caller's line", function()
    assert.match("^spec/lua/base/log_spec.lua:%d+: bad argument #1 to 'log' %(debug, info, warn, error or false expected, got loud%)",
      trials.raised(function() parallel.log("loud") end))
  end)
end)
