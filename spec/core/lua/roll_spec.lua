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
    assert.equal(own, roll.add(own))
    assert.same({label = "own", index = 2}, own)
    assert.equal(CLASS, getmetatable(own))
    assert.equal(3, roll.submit(f).index)
    assert.equal(4, roll.add_call({}, (core.call({1}))).index)
    assert.equal(4, roll.last())
    assert.equal(4, roll.open())
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

  it("leaves to the codec arguments that are not plain", function()
    assert.is_nil(roll.add({}, {}))
    assert.equal(0, roll.open())
    assert.equal("", calls:bytes())
  end)

  local WAYS = {
    submit = function() roll.submit(f, 1) end, add = function() roll.add({}, 1) end,
    add_call = function() roll.add_call({}, (core.call(1))) end,
  }

  for name, way in pairs(WAYS) do
    it("takes neither task nor arguments when there is no memory, with " .. name, function()
      local expected = core.calls()
      for n = 0, 20 do
        testing.fault("sys.realloc:ENOMEM@" .. n % 4 + 1)
        local ok = testing.starve(n, way)
        testing.fault(nil)
        if ok then expected:add(1) end
        assert.equal(expected:bytes(), calls:bytes())
        assert.equal(#results, roll.open())
      end
      assert.is_true(roll.open() > 0 and roll.open() < 20)
    end)
  end

  it("takes none in a child of its process", function()
    local refused = parallel.map(function() return roll.submit(f) == nil end, {1}, {workers = 1})
    assert.same({true, n = 1}, refused)
    assert.equal(1, roll.submit(f).index)
  end)
end)
