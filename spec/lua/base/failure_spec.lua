require("parallel")
local failure = require("parallel.base.failure")

local function text_of(fields) return tostring(failure.new(fields)) end

describe("a Failure", function()
  it("of an error tells what it was about, and the message", function()
    assert.equal("a.txt:0+5: job.lua:3: no",
      text_of({kind = "error", label = "a.txt:0+5", message = "job.lua:3: no"}))
    assert.equal("task 17 failed in worker 3: job.lua:12: no",
      text_of({kind = "error", index = 17, worker = 3, message = "job.lua:12: no"}))
  end)

  it("of a death tells how, and how often", function()
    assert.equal("worker 3 (pid 4711) was killed by SIGKILL while running task 17",
      text_of({kind = "died", worker = 3, pid = 4711, signal = "SIGKILL", index = 17}))
    assert.equal("worker 3 (pid 4711) was killed by SIGKILL while running task 17, the last of 2 times",
      text_of({kind = "died", worker = 3, pid = 4711, signal = "SIGKILL", index = 17, attempts = 2}))
    assert.equal("a.txt:0+5: worker 1 (pid 2) exited with status 9, the last of 3 times",
      text_of({kind = "died", label = "a.txt:0+5", worker = 1, pid = 2, exitcode = 9, attempts = 3}))
    assert.equal("worker 1 (pid 2) ended for an unknown reason",
      text_of({kind = "died", worker = 1, pid = 2}))
  end)

  it("is told from other values, by its kind too", function()
    local made = failure.new({kind = "error", message = "no"})
    assert.is_true(failure.is(made))
    assert.is_true(failure.is(made, "error"))
    assert.is_false(failure.is(made, "died"))
    for _, other in ipairs({"no", 1, {}, setmetatable({}, {})}) do assert.is_false(failure.is(other)) end
  end)

  it("leaves out where in our files an error was raised", function()
    local message = "parallel/mapper.lua:26: cannot read 'a'"
    assert.equal("cannot read 'a'", failure.new({kind = "error", message = message}).message)
  end)

  local function kept(lines)
    return failure.new({kind = "error", message = "no", worker = 1,
      traceback = "stack traceback:\n\t" .. table.concat(lines, "\n\t")}).traceback
  end

  it("keeps the lines of the user's code, and C functions that it called", function()
    assert.equal("stack traceback:\n\t[C]: in function 'error'\n\tjob.lua:2: in upvalue 'f'\n" ..
      "\tjob.lua:4: in function <job.lua:4>", kept({
        "[C]: in function 'error'", "job.lua:2: in upvalue 'f'", "job.lua:4: in function <job.lua:4>",
        "[C]: in function 'parallel.core.map_split'", "parallel/mapper.lua:26: in method 'map_split'",
        "spec.lua:1: in main chunk"}))
  end)

  it("keeps them below a function of ours that raised", function()
    assert.equal("stack traceback:\n\tjob.lua:2: in main chunk", kept({
      "[C]: in function 'parallel.core.words'", "job.lua:2: in main chunk",
      "[C]: in function 'xpcall'", "parallel/cli.lua:9: in function"}))
  end)

  it("has no traceback when there is none of the user's", function()
    assert.equal("", kept({"[C]: in function 'error'", "parallel/mapper.lua:26: in method 'map_split'"}))
  end)
end)
