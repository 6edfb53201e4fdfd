local parallel = require "parallel"
local child = require "spec.support.child"

local SOON = 5

describe("parallel.Event", function()
  it("is not set at first", function()
    local event = parallel.Event()
    assert.is_false(event:is_set())
    assert.same({nil, "timeout"}, {event:wait(0)})
    assert.same({nil, "timeout"}, {event:wait(0.001)})
  end)

  it("wakes all that wait when it is set", function()
    local event, others = parallel.Event(), {}
    for i = 1, 3 do others[i] = child.start(function() assert.is_true(event:wait(SOON)) end) end
    event:set()
    for _, other in ipairs(others) do other:finish() end
    assert.is_true(event:is_set())
    assert.is_true(event:wait(0))
  end)

  it("is set until it is cleared", function()
    local event = parallel.Event()
    event:set()
    event:set()
    event:clear()
    event:clear()
    assert.is_false(event:is_set())
    assert.is_nil(event:wait(0))
    event:set()
    assert.is_true(event:wait())
  end)

  it("wakes those that wait although it is cleared at once", function()
    local event, here = parallel.Event(), parallel.Semaphore(0)
    local other = child.start(function()
      here:release()
      -- Whoever comes after the pulse waits for the next one.
      while not event:wait(0.01) do here:release() end
    end)
    repeat
      here:acquire(0.01)
      event:set()
      event:clear()
    until require("parallel.core").testing.wait(other.pid, true)
  end)

  it("wakes those that wait when its setter is killed before it could", function()
    local testing = require("parallel.core").testing
    local event = parallel.Event()
    testing.fault("event.set.end:killchild@1")
    local setter = child.start(function() event:set() end)
    assert.is_true(event:wait(SOON))
    setter:fall()
    testing.fault(nil)
  end)
end)
