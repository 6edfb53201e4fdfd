local history = require "spec.chaos.history"

-- A history of some tasks from logs (lists of lines) and what the parent saw.
local function problems(tasks, retries, logs, see)
  local told = history.new(tasks, retries)
  see(told)
  for _, log in ipairs(logs) do
    local i = 0
    told:read(function()
      i = i + 1
      return log[i]
    end)
  end
  return told:check()
end

local WHOLE = {"born 7 0.5", "start 1 1", "finish 1 2"}

describe("a chaos history", function()
  it("is sound when each task has one outcome, which its worker knows of", function()
    local log = {"born 7 0", "start 1 1", "finish 1 2", "start 2 3"}
    assert.same({}, problems(2, 0, {log}, function(told)
      told:kill(7, 4)
      told:value(1, 7)
      told:failure(2, 7, 1)
    end))
  end)

  it("may charge a task that had begun, though its worker did not come to note it", function()
    assert.same({}, problems(2, 0, {WHOLE}, function(told)
      told:kill(7, 4)
      told:value(1, 7)
      told:failure(2, 7, 1)
    end))
  end)

  it("tells two lives of one process number apart", function()
    local log = {"born 7 0", "start 1 1", "dying 2", "born 7 3", "start 1 4", "finish 1 5"}
    assert.same({}, problems(1, 1, {log}, function(told) told:value(1, 7) end))
  end)

  it("knows which of them was killed, and when", function()
    local log = {"born 7 0", "start 1 1", "born 7 3", "start 2 4"}
    assert.same({}, problems(2, 0, {log}, function(told)
      told:kill(7, 2)
      told:kill(7, 5)
      told:failure(1, 7, 1)
      told:failure(2, 7, 1)
    end))
  end)

  it("must have an outcome of each task", function()
    assert.same({"task 1 has no outcome"}, problems(1, 0, {WHOLE}, function() end))
  end)

  it("must not have two", function()
    assert.same({"task 1 has two outcomes"}, problems(1, 0, {WHOLE}, function(told)
      told:value(1, 7)
      told:value(1, 7)
    end))
  end)

  it("must have no value that is torn", function()
    assert.same({"the value of task 1 is torn"}, problems(1, 0, {WHOLE}, function(told)
      told:value(1, nil)
    end))
  end)

  it("must have no value that nobody finished", function()
    local log = {"born 7 0", "start 1 1"}
    assert.same({"task 1 has a value that process 7 did not finish"},
      problems(1, 0, {log}, function(told)
        told:kill(7, 2)
        told:value(1, 7)
      end))
  end)

  it("must not run a task more often than it may", function()
    local log = {"born 7 0", "start 1 1", "dying 2", "born 7 3", "start 1 4", "finish 1 5"}
    assert.same({"task 1 ran 2 times"}, problems(1, 0, {log}, function(told) told:value(1, 7) end))
  end)

  it("must not run a task twice at a time", function()
    local other = {"born 8 0", "start 1 1.5", "finish 1 3"}
    assert.same({"task 1 ran twice at a time"}, problems(1, 1, {WHOLE, other}, function(told)
      told:value(1, 7)
    end))
    local killed_later = {"born 8 0", "start 1 0.5"}
    assert.same({"task 1 ran twice at a time"}, problems(1, 1, {WHOLE, killed_later}, function(told)
      told:kill(8, 1.5)
      told:value(1, 7)
    end))
  end)

  it("must not charge a task with a death that was another's", function()
    local log = {"born 7 0", "start 1 1"}
    local found = problems(2, 0, {log}, function(told)
      told:kill(7, 2)
      told:failure(1, 7, 1)
      told:failure(2, 7, 1)
    end)
    assert.same({"task 2 was charged with the death of process 7, without reason"}, found)
  end)

  it("must not charge a task with a death that nobody ordered", function()
    local found = problems(1, 0, {{"born 7 0"}}, function(told) told:failure(1, 7, 1) end)
    assert.same({"task 1 was charged with the death of process 7, without reason"}, found)
  end)

  it("must not give a task up too early", function()
    local log = {"born 7 0", "start 1 1"}
    assert.same({"task 1 was given up after 1 attempts"}, problems(1, 2, {log}, function(told)
      told:kill(7, 2)
      told:failure(1, 7, 1)
    end))
  end)

  it("must not lose sight of a worker that nobody killed", function()
    local log = {"born 7 0", "start 1 1"}
    assert.same({"task 1 has no outcome", "process 7 left task 1 unfinished, and nobody killed it"},
      problems(1, 0, {log}, function() end))
  end)
end)
