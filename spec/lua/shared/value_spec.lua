local parallel = require "parallel"
local child = require "spec.support.child"
local testing = require("parallel.core").testing
local raised = require("spec.support.trials").raised

local SOON = 5

-- Of each integer type: the least and the greatest, as far as both Luas can write them.
local RANGES = {
  i8 = {-128, 127}, u8 = {0, 255}, i16 = {-32768, 32767}, u16 = {0, 65535},
  i32 = {-2147483648, 2147483647}, u32 = {0, 4294967295},
}

describe("parallel.Value", function()
  it("is 0 or false when not told otherwise", function()
    assert.equal(0, parallel.Value("i32").value)
    assert.equal(0, parallel.Value("f64").value)
    assert.is_false(parallel.Value("bool").value)
  end)

  it("holds what it was set to", function()
    local value = parallel.Value("i32", -5)
    assert.equal(-5, value.value)
    value.value = 7.0
    assert.equal(7, value.value)
    local truth = parallel.Value("bool", true)
    assert.is_true(truth.value)
    local float = parallel.Value("f64", 0.1)
    assert.equal(0.1, float.value)
  end)

  it("rounds as its type does", function()
    local value = parallel.Value("f32", 0.1)
    assert.is_true(value.value ~= 0.1 and math.abs(value.value - 0.1) < 1e-8)
    assert.equal(math.huge, parallel.Value("f32", math.huge).value)
  end)

  for ctype, range in pairs(RANGES) do
    it("refuses what does not fit " .. ctype, function()
      local value = parallel.Value(ctype)
      for _, limit in ipairs(range) do
        value.value = limit
        assert.equal(limit, value.value)
      end
      for _, wrong in ipairs({range[1] - 1, range[2] + 1, 0.5, 0 / 0, 1 / 0}) do
        assert.match(("^[^\n]*value_spec.lua:%%d+: cannot set value: %%S+ does not fit %s %%(whole numbers, %%S+ to %d%%)$")
          :format(ctype, range[2]), raised(function() value.value = wrong end))
      end
      assert.equal(range[2], value.value)
    end)

    it("wraps around at the ends of " .. ctype, function()
      local value = parallel.Value(ctype, range[2])
      assert.equal(range[1], value:add(1))
      assert.equal(range[2], value:add(-1))
      assert.equal(range[2], value:add((range[2] - range[1] + 1) * 3))
    end)
  end

  it("has 64 bits, of which a number beyond those of this Lua is the nearest float", function()
    local value = parallel.Value("u64", 2 ^ 53)
    assert.equal(2 ^ 53, value.value)
    assert.equal(2 ^ 64, parallel.Value("u64"):add(-1))
    value.value = 2 ^ 63
    assert.equal(2 ^ 63, value.value)
    assert.match("does not fit u64 %(whole numbers, 0 to 18446744073709551615%)",
      raised(function() value.value = 2 ^ 64 end))
    assert.match("does not fit u64", raised(function() value.value = -1 end))
    value = parallel.Value("i64", -2 ^ 63)
    assert.equal(-2 ^ 63, value.value)
    assert.match("does not fit i64", raised(function() value.value = 2 ^ 63 end))
    assert.equal(2 ^ 63 - 1, value:add(-1) + 0.0)
    if math.maxinteger then
      assert.equal(math.maxinteger, value.value)
      assert.equal(math.mininteger, value:add(1))
      assert.equal("integer", math.type(value.value))
    end
  end)

  it("adds floats, and 1 when not told what", function()
    assert.equal(1.75, parallel.Value("f64", 1.5):add(0.25))
    assert.equal(3, parallel.Value("i8", 2):add())
    local value = parallel.Value("f64")
    assert.match("number expected, got string", raised(value.add, value, "1"))
    value = parallel.Value("i32")
    assert.match("1.5 does not fit i64", raised(value.add, value, 1.5))
    value = parallel.Value("bool")
    assert.match("nothing can be added to a bool", raised(value.add, value, 1))
  end)

  it("is compared and set in one step", function()
    local value = parallel.Value("i32", 1)
    assert.is_false(value:compare_and_set(2, 3))
    assert.equal(1, value.value)
    assert.is_true(value:compare_and_set(1, 3))
    assert.equal(3, value.value)
    assert.match("does not fit i32", raised(value.compare_and_set, value, 3, 2 ^ 40))
  end)

  it("compares floats by what they are worth, and NaN with itself", function()
    local value = parallel.Value("f64", -0.0)
    assert.is_true(value:compare_and_set(0.0, 0 / 0))
    assert.is_true(value:compare_and_set(0 / 0, 1))
    assert.is_false(value:compare_and_set(0 / 0, 2))
    assert.equal(1, value.value)
  end)

  it("loses nothing that many add at once", function()
    local count, sum = parallel.Value("i32"), parallel.Value("f64")
    local others = {}
    for i = 1, 4 do
      others[i] = child.start(function()
        for _ = 1, 2000 do
          count:add(1)
          sum:add(0.5)
        end
      end)
    end
    for _, other in ipairs(others) do other:finish() end
    assert.equal(8000, count.value)
    assert.equal(4000, sum.value)
  end)

  it("is locked for several steps, and may be again by whoever has it", function()
    local value = parallel.Value("i32")
    local others = {}
    for i = 1, 4 do
      others[i] = child.start(function()
        for _ = 1, 100 do
          local outer = value:lock()
          local inner = value:lock()
          value.value = value.value + 1
          inner:close()
          outer:close()
        end
      end)
    end
    for _, other in ipairs(others) do other:finish() end
    assert.equal(400, value.value)
    assert.equal(401, value:with(function() return value:add(1) end))
  end)

  it("has guards that are closed by themselves", function()
    local value = parallel.Value("i32")
    local guard = value:lock()
    assert.is_true(value:is_held())
    assert.is_function(getmetatable(guard).__close)
    guard:close()
    guard:close()
    assert.is_false(value:is_held())
  end)

  it("is not lost with a process that held its lock", function()
    local value = parallel.Value("i32")
    local held = parallel.Event()
    local holder = child.start(function()
      value:lock()
      held:set()
      parallel.Event():wait()
    end)
    held:wait(SOON)
    holder:kill()
    local guard, why = value:lock()
    assert.equal("abandoned", why)
    guard:close()
    assert.same({true}, {value:acquire(0)})
    value:release()
  end)

  it("is sent, and captured", function()
    local value = parallel.Value("i32")
    parallel.with(parallel.Pool(2), function(pool)
      pool:map(function(n) value:add(n) end, {1, 2, 3})
      assert.equal(16, pool:apply(function(theirs) return theirs:add(10) end, value))
    end)
    assert.equal(16, value.value)
    value:close()
  end)

  it("is of no use once closed", function()
    local value = parallel.Value("i32")
    value:lock()
    value:close()
    value:close()
    local closed = "attempt to use a closed value"
    assert.match("value_spec.lua:%d+: " .. closed, raised(function() return value.value end))
    assert.match(closed, raised(function() value.value = 1 end))
    assert.match(closed, raised(value.add, value, 1))
    assert.match(closed, raised(value.lock, value))
  end)

  it("refuses types that there are not, and fields", function()
    assert.match("#1 .*unknown ctype 'int': one of i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 bool",
      raised(parallel.Value, "int"))
    assert.match("#2 .*300 does not fit u8", raised(parallel.Value, "u8", 300))
    assert.match("#2 .*boolean expected, got number", raised(parallel.Value, "bool", 1))
    local value = parallel.Value("i32")
    assert.match("a value has no field 'valeu'", raised(function() value.valeu = 1 end))
  end)

  it("says when it cannot be made", function()
    testing.fault("sys.memfd_create:EMFILE@1")
    assert.match("cannot make a value: Too many open files", raised(parallel.Value, "i32"))
    testing.fault(nil)
  end)
end)
