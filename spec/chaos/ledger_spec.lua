local failure = require "parallel.base.failure"
local ledger = require "spec.chaos.ledger"

-- A ledger of one task, which is awaited, with the log that its worker wrote.
local function of_one(kind, log, options)
  local told = ledger.new(options or {})
  local task = told:add(kind)
  task.awaited = true
  told:read((log or "start 1 1\nfinish 1 2\n"):gmatch("[^\n]+"))
  return told, task
end

local function failed(kind, fields)
  fields = fields or {}
  fields.kind, fields.message = kind, fields.message or "why"
  fields.worker, fields.pid, fields.attempts = 1, 7, fields.attempts or 1
  return failure.new(fields)
end

-- A ledger of a map with these kinds of tasks, numbered from 1, which all were run.
local function of_map(kinds, on_error)
  local told = ledger.new({})
  local job = told:add_job()
  job.awaited, job.on_error = true, on_error or "raise"
  for i, kind in ipairs(kinds) do
    job.tasks[i] = told:add(kind)
    told:read((("start %d 1\nfinish %d 2\n"):format(i, i)):gmatch("[^\n]+"))
  end
  return told, job
end

local function assert_problem(pattern, told)
  local problems = told:check()
  assert.equal(1, #problems)
  assert.match(pattern, problems[1])
end

describe("a ledger of tasks", function()
  it("is sound when each has the outcome that it must have", function()
    local told, task = of_one("value")
    told:outcome(task, true, 2, "get")
    assert.same({}, told:check())
  end)

  it("must have an outcome of each", function()
    assert_problem("^task 1 %(value%) has no outcome$", (of_one("value")))
  end)

  it("must not have two", function()
    local told, task = of_one("value")
    told:outcome(task, true, 2, "get")
    told:outcome(task, true, 2, "wait")
    assert_problem("two outcomes, in get and in wait", told)
  end)

  it("must have the right value", function()
    local told, task = of_one("value")
    told:outcome(task, true, 3, "get")
    assert_problem("wrong value in get: 3", told)
  end)

  it("must have no value that nobody finished", function()
    local told, task = of_one("value", "start 1 1\n")
    told:outcome(task, true, 2, "get")
    assert_problem("has a value and did not finish", told)
  end)

  it("must have no value of what was cancelled", function()
    local told, task = of_one("value")
    told:cancel(task)
    told:outcome(task, true, 2, "get")
    assert_problem("was cancelled and has a value", told)
  end)

  it("must not run what was cancelled after what came later", function()
    local told, task = of_one("value", "")
    told:cancel(task)
    told:outcome(task, false, failed("cancelled"), "get")
    told:add("value")
    told:read(("start 1 1\nstart 2 2\n"):gmatch("[^\n]+"))
    assert.same({}, told:check())
    told:read(("start 2 1\nstart 1 2\n"):gmatch("[^\n]+"))
    assert_problem("was run after task 2, which came later", told)
  end)

  it("must not run what was said to have ended", function()
    local told, task = of_one("value", "")
    told:refuse(task, 1)
    told:read(("start 1 2\nfinish 1 3\n"):gmatch("[^\n]+"))
    told:outcome(task, true, 2, "get")
    assert_problem("was said to have ended", told)
  end)

  it("must not run one more often than it may", function()
    local told, task = of_one("value", "start 1 1\nstart 1 2\nfinish 1 3\n")
    told:outcome(task, true, 2, "get")
    assert_problem("ran 2 times", told)
  end)

  it("must have a reason for each failure", function()
    for _, kind in ipairs({"error", "died", "cancelled", "timeout", "memory", "unsendable"}) do
      local told, task = of_one("value")
      told:outcome(task, false, failed(kind), "get")
      assert_problem("failed without reason in get: " .. kind, told)
    end
  end)

  it("must not give one up too early", function()
    local told, task = of_one("value", "start 1 1\n", {retries = 2})
    told.killed[7] = true
    told:outcome(task, false, failed("died", {signal = "SIGKILL"}), "get")
    assert_problem("given up after 1 attempts", told)
  end)

  it("must tell of each once", function()
    local told, task = of_one("value")
    task.attended = true
    told:outcome(task, true, 2, "get")
    assert_problem("was told 0 times", told)
  end)
end)

describe("a ledger of maps", function()
  it("is sound when each task has its value", function()
    local told, job = of_map({"value", "table"})
    told:outcome(job, true, {2, {2, "x"}, n = 2}, "get")
    assert.same({}, told:check())
  end)

  it("must have a list of the right length", function()
    local told, job = of_map({"nothing", "nothing"})
    told:outcome(job, true, {n = 1}, "get")
    assert_problem("map 1 of 2 items has 1 results", told)
  end)

  it("must have them in order", function()
    local told, job = of_map({"value", "table"})
    told:outcome(job, true, {{2, "x"}, 2, n = 2}, "get")
    assert.equal(2, #told:check())
  end)

  it("must have no value of nobody where some are left out", function()
    local told, job = of_map({"value", "value"}, "skip")
    told:outcome(job, true, {2, 2, n = 2}, "get")
    assert_problem("result 2 of map 1 is of none of its tasks: 2", told)
  end)

  it("must raise only what one of its tasks does", function()
    local told, job = of_map({"value", "value"})
    told:outcome(job, false, failed("error", {index = 2}), "get")
    assert_problem("task 2 %(value%) failed without reason", told)
  end)
end)
