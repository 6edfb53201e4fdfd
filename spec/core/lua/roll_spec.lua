local parallel = require "parallel"
local core = require "parallel.core"
local testing = core.testing

local CLASS = {__index = {}}

local calls, results, known, roll

local function f() end

local function g() end

describe("roll", function()
  before_each(function()
    calls, results, known = core.calls(), {}, {[f] = {}, [g] = {}}
    roll = core.roll(calls, results, CLASS, known)
    roll.follow(known[f])
  end)
  after_each(function() testing.fault(nil) end)

  it("makes the result of a task that it takes, and keeps the arguments", function()
    local result = roll.submit(f, 1, "two", nil)
    assert.same({index = 1}, result)
    assert.equal(CLASS, getmetatable(result))
    assert.equal(result, results[roll.place(1)])
    local other = core.calls()
    other:add(1, "two", nil)
    assert.equal(other:bytes(), calls:bytes())
    assert.is_true(calls:began(1) <= core.clock())
  end)

  it("numbers tasks however they come", function()
    assert.equal(1, roll.submit(f).index)
    local own = {label = "own"}
    assert.equal(2, roll.enlist(own))
    assert.same({label = "own", index = 2}, own)
    assert.equal(CLASS, getmetatable(own))
    assert.equal(3, roll.submit(f).index)
    assert.equal(3, roll.last())
    assert.equal(3, roll.open())
  end)

  it("takes no task but of what is followed, with arguments that need no codec", function()
    for _, refused in ipairs({{g}, {print}, {1}, {f, {}}, {f, f}, {f, ("x"):rep(1000)}}) do
      assert.is_nil(roll.submit(refused[1], refused[2]))
    end
    assert.is_nil(roll.submit(nil))
    assert.is_nil(roll.submit())
    roll.follow(nil)
    assert.is_nil(roll.submit(f, 1))
    roll.follow(known[g])
    assert.equal(1, roll.submit(g, 1).index)
    assert.equal(1, roll.open())
  end)

  it("gives out places from the first again when none is open", function()
    for i = 1, 3 do
      roll.submit(f)
      assert.equal(i, roll.place(i))
    end
    roll.close(3)
    local result = roll.submit(f)
    assert.equal(4, result.index)
    assert.equal(1, roll.place(4))
    assert.equal(result, results[1])
  end)

  it("takes no task for which there is no memory", function()
    testing.fault("sys.realloc:ENOMEM@1")
    assert.match("not enough memory", select(2, pcall(roll.submit, f, 1)))
    testing.fault(nil)
    assert.equal(0, roll.open())
    assert.equal(1, roll.submit(f, 1).index)
  end)

  it("takes none in a child of its process", function()
    local refused = parallel.map(function() return roll.submit(f) == nil end, {1}, {workers = 1})
    assert.same({true, n = 1}, refused)
    assert.equal(1, roll.submit(f).index)
  end)
end)
