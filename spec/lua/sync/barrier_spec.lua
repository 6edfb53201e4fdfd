local parallel = require "parallel"
local child = require "spec.support.child"
local raised = require("spec.support.trials").raised

local SOON = 5

local function start_all(count, f)
  local others = {}
  for i = 1, count do others[i] = child.start(f, i) end
  return function()
    for _, other in ipairs(others) do other:finish() end
  end
end

describe("parallel.Barrier", function()
  it("lets all go on when all have come, and tells their order", function()
    local barrier, places = parallel.Barrier(3), parallel.Queue()
    local finish = start_all(2, function() places:put(barrier:wait(SOON)) end)
    places:put(barrier:wait(SOON))
    local seen = {}
    for _ = 1, 3 do seen[places:get()] = true end
    assert.same({true, true, true}, seen)
    finish()
    assert.equal(3, barrier.parties)
    assert.equal(0, barrier.n_waiting)
    assert.is_false(barrier.broken)
  end)

  it("serves round after round", function()
    local barrier, round = parallel.Barrier(3), parallel.Queue()
    local function rounds()
      for i = 1, 20 do
        if barrier:wait(SOON) == 1 then round:put(i) end
      end
    end
    local finish = start_all(2, rounds)
    rounds()
    finish()
    for i = 1, 20 do assert.equal(i, round:get(0)) end
  end)

  it("serves more processes than it has parties", function()
    local barrier = parallel.Barrier(2)
    start_all(6, function() assert.is_number(barrier:wait(SOON)) end)()
  end)

  it("is no obstacle for one", function()
    assert.equal(1, parallel.Barrier(1):wait())
  end)

  it("runs the action in the last to come, before all go on", function()
    local done = parallel.Queue()
    local barrier = parallel.Barrier(2, function() done:put(true) end)
    local finish = start_all(1, function()
      barrier:wait(SOON)
      assert.equal(1, done:qsize())
    end)
    barrier:wait(SOON)
    assert.equal(1, done:qsize())
    finish()
  end)

  it("breaks when the action raises", function()
    local barrier = parallel.Barrier(2, function() error("no way", 0) end)
    local outcomes = parallel.Queue()
    local function try()
      local ok, why, reason = pcall(barrier.wait, barrier, SOON)
      outcomes:put(ok and reason or why)
    end
    local finish = start_all(1, try)
    try()
    finish()
    local seen = {[outcomes:get()] = true, [outcomes:get()] = true}
    assert.same({["no way"] = true, broken = true}, seen)
    assert.is_true(barrier.broken)
  end)

  it("breaks for all when one waits in vain", function()
    local barrier = parallel.Barrier(3)
    local finish = start_all(1, function() assert.same({nil, "broken"}, {barrier:wait(SOON)}) end)
    assert.same({nil, "broken"}, {barrier:wait(0.001)})
    finish()
    assert.is_true(barrier.broken)
    assert.same({nil, "broken"}, {barrier:wait()})
  end)

  it("waits as long as it was made for when not told", function()
    local barrier = parallel.Barrier(2, nil, 0.001)
    assert.same({nil, "broken"}, {barrier:wait()})
  end)

  it("breaks when told to", function()
    local barrier = parallel.Barrier(2)
    local finish = start_all(1, function() assert.same({nil, "broken"}, {barrier:wait(SOON)}) end)
    barrier:abort()
    finish()
    assert.is_true(barrier.broken)
  end)

  it("is whole again after reset, which breaks it for those that wait", function()
    local barrier = parallel.Barrier(2)
    local waits = parallel.Event()
    local finish = start_all(1, function()
      assert.same({nil, "broken"}, {barrier:wait(SOON)})
      waits:set()
    end)
    repeat barrier:reset() until waits:wait(0.001)
    finish()
    assert.is_false(barrier.broken)
    finish = start_all(1, function() assert.is_number(barrier:wait(SOON)) end)
    assert.is_number(barrier:wait(SOON))
    finish()
    barrier:abort()
    barrier:reset()
    assert.is_false(barrier.broken)
  end)

  it("refuses what is no number of parties", function()
    for _, bad in ipairs({0, -1, 1.5, "two", 1e9}) do
      assert.match("bad argument #1 to 'Barrier'", raised(parallel.Barrier, bad))
    end
    assert.match("bad argument #3 to 'Barrier'", raised(parallel.Barrier, 1, nil, "soon"))
  end)
end)
