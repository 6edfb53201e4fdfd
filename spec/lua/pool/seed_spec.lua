local parallel = require "parallel"
local testing = require("parallel.core").testing
local trials = require "spec.support.trials"

local count_to = trials.count_to

local jit = rawget(_G, "jit")

local function draw() return math.random(1000000) end

local function draw_all(options, call)
  local pool = parallel.Pool(options)
  local list = pool:map(draw, count_to(40), call)
  pool:close()
  return list
end

describe("seed", function()
  it("gives the same numbers whatever the number of workers and the size of chunks", function()
    local expected = draw_all({workers = 1, seed = 7})
    assert.same(expected, draw_all({workers = 3, seed = 7}, {chunksize = 7}))
    assert.same(expected, draw_all({workers = 2, seed = 7, tasks_per_worker = 3}))
    assert.same(expected, draw_all({workers = 0, seed = 7}))
    assert.are_not.same(expected, draw_all({workers = 1, seed = 8}))
  end)

  it("gives each task numbers of its own", function()
    local seen = {}
    for _, number in ipairs(draw_all({workers = 2, seed = 1})) do
      assert.is_nil(seen[number])
      seen[number] = true
    end
  end)

  it("gives a task the same numbers when it runs again", function()
    local expected = draw_all({workers = 1, seed = 3})
    testing.fault("task.done:kill@9")
    local again = draw_all({workers = 1, seed = 3, retries = 1})
    testing.fault(nil)
    assert.same(expected, again)
  end)

  it("must be whole", function()
    assert.has_error(function() parallel.Pool({workers = 0, seed = 1.5}) end)
  end)
end)

describe("random_stream", function()
  it("is fixed by seed and number", function()
    local a, b, c = parallel.random_stream(1, 2), parallel.random_stream(1, 2), parallel.random_stream(1, 3)
    for _ = 1, 10 do
      local x = a()
      assert.equal(x, b())
      assert.are_not.equal(x, c())
      assert.is_true(x >= 0 and x < 1)
    end
  end)

  it("draws whole numbers from an interval, all of them", function()
    local stream, seen = parallel.random_stream(1, 1), {}
    for _ = 1, 200 do
      seen[stream(5)] = true
      local n = stream(-2, 2)
      assert.is_true(n >= -2 and n <= 2)
    end
    assert.same({true, true, true, true, true}, seen)
    assert.equal(3, stream(3, 3))
  end)

  it("refuses an empty interval and numbers that are not whole", function()
    local stream = parallel.random_stream(1, 1)
    assert.error_matches(function() stream(0) end, "interval is empty")
    assert.error_matches(function() stream(2, 1) end, "interval is empty")
    assert.error_matches(function() stream(1.5) end, "whole number")
    assert.error_matches(function() parallel.random_stream("x", 1) end, "whole number")
  end)

  if not jit then
    it("draws what math.random draws in the task of that number", function()
      local list = draw_all({workers = 2, seed = 5})
      for i = 1, 40 do assert.equal(parallel.random_stream(5, i)(1000000), list[i]) end
    end)
  end
end)
