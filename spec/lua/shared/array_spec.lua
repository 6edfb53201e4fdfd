local lfs = require "lfs"
local parallel = require "parallel"
local child = require "spec.support.child"
local testing = require("parallel.core").testing
local trials = require("spec.support.trials")

local raised, count_to = trials.raised, trials.count_to

-- Of each type: its size, and the least and greatest numbers that are tried.
local TYPES = {
  i8 = {1, -128, 127}, u8 = {1, 0, 255}, i16 = {2, -32768, 32767}, u16 = {2, 0, 65535},
  i32 = {4, -2147483648, 2147483647}, u32 = {4, 0, 4294967295}, i64 = {8, -2 ^ 53, 2 ^ 53},
  u64 = {8, 0, 2 ^ 63}, f32 = {4, -1.5, 2 ^ 100}, f64 = {8, -1e300, 1e300},
}

-- More than the core looks at together, and not a round number.
local MANY = 5003

-- Of the only array that there is.
local function descriptor_of_array()
  for name in lfs.dir("/proc/self/fd") do
    local target = lfs.symlinkattributes("/proc/self/fd/" .. name, "target")
    if target and target:find("memfd:array", 1, true) then return tonumber(name) end
  end
end

describe("parallel.Array", function()
  before_each(function() collectgarbage() end)

  for ctype, traits in pairs(TYPES) do
    local size, least, most = traits[1], traits[2], traits[3]

    it("holds numbers of type " .. ctype, function()
      local array = parallel.Array(ctype, {1, least, most})
      assert.equal(3, array:count())
      assert.same({1, least, most}, {array[1], array[2], array[3]})
      array[1] = most
      assert.same({most, least, most}, array:to_table())
      assert.equal(3 * size, #array:to_string())
      assert.equal(least, array:min())
      assert.equal(most, array:max())
      array:fill(1)
      assert.equal(3, array:sum())
    end)

    it("finds the least, the greatest and the sum of many: " .. ctype, function()
      local array = parallel.Array(ctype, MANY)
      assert.same({0, 0, 0}, {array:min(), array:max(), array:sum()})
      array:fill(3)
      for _, i in ipairs({1, 1024, 1025, MANY}) do
        array[i] = most
        assert.same({3, most}, {array:min(), array:max()})
        array[i] = least
        assert.same({math.min(3, least), 3}, {array:min(), math.max(3, array:max())})
        array[i] = 3
      end
      assert.equal(3 * MANY, array:sum())
    end)
  end

  it("holds truths", function()
    local array = parallel.Array("bool", {true, false, true})
    assert.same({true, false, true}, array:to_table())
    assert.equal(2, array:sum())
    assert.same({false, true}, {array:min(), array:max()})
    assert.equal("\1\0\1", array:to_string())
    assert.match("cannot set element 1: boolean expected, got number", raised(function() array[1] = 1 end))
  end)

  it("is zero when it is made, and may be empty", function()
    assert.same({0, 0, 0}, parallel.Array("u16", 3):to_table())
    local empty = parallel.Array("f64", 0)
    assert.same({}, empty:to_table())
    assert.same({0, nil, nil, ""}, {empty:sum(), empty:min(), empty:max(), empty:to_string()})
    assert.equal(0, parallel.Array("i8", {}):count())
  end)

  if not jit then
    it("has a length, and integers", function()
      local array = parallel.Array("i32", {7, 8})
      assert.equal(2, #array)
      assert.equal("integer", math.type(array[1]))
      assert.equal("integer", math.type(array:sum()))
      assert.equal("float", math.type(parallel.Array("f64", 1)[1]))
      local long = parallel.Array("i64", {math.maxinteger, math.mininteger})
      assert.same({math.maxinteger, math.mininteger, -1}, {long[1], long[2], long:sum()})
    end)
  end

  it("sums integers exactly, and beyond those of this Lua to the nearest float", function()
    local array = parallel.Array("i64", {2 ^ 62, 2 ^ 62, 2 ^ 62, -2 ^ 62, -2 ^ 62, -2 ^ 62, 5})
    assert.equal(5, array:sum())
    array:fill(-2 ^ 63)
    assert.equal(-7 * 2 ^ 63, array:sum())
    array = parallel.Array("u64", 3)
    array:fill(2 ^ 63)
    assert.equal(3 * 2 ^ 63, array:sum())
  end)

  it("sums floats with small errors", function()
    local array = parallel.Array("f64", 100000)
    array:fill(0.1)
    assert.is_true(math.abs(array:sum() - 10000) < 1e-10)
    array = parallel.Array("f32", 3000)
    array:fill(16777216)
    array[7] = 1
    assert.equal(2999 * 16777216 + 1, array:sum())
    assert.equal(math.huge, parallel.Array("f64", {1, math.huge}):sum())
  end)

  it("knows no least or greatest where there is a NaN", function()
    for i = 1, 3 do
      local array = parallel.Array("f64", {1, 2, 3})
      array[i] = 0 / 0
      assert.is_true(array:min() ~= array:min() and array:max() ~= array:max())
    end
  end)

  it("has no elements outside", function()
    local array = parallel.Array("i32", 10)
    for _, i in ipairs({0, -1, 11, 2 ^ 60}) do
      local wanted = "^[^\n]*array_spec.lua:%d+: index %S+ is outside of the array of 10 i32 %(from 1%)$"
      assert.match(wanted, raised(function() return array[i] end))
      assert.match(wanted, raised(function() array[i] = 1 end))
    end
    assert.match("index 1.5 is no whole number", raised(function() return array[1.5] end))
    assert.match("index %-?nan is no whole number", raised(function() return array[0 / 0] end))
    assert.match("an array has no field 'first'", raised(function() array.first = 1 end))
    assert.is_nil(array.first)
  end)

  it("refuses numbers that do not fit", function()
    local array = parallel.Array("u8", 2)
    for _, wrong in ipairs({256, -1, 0.5, 0 / 0, 1 / 0, 2 ^ 64}) do
      assert.match("array_spec.lua:%d+: cannot set element 2: %S+ does not fit u8 %(whole numbers, 0 to 255%)",
        raised(function() array[2] = wrong end))
    end
    assert.match("number expected, got string", raised(function() array[1] = "1" end))
    assert.match("number expected, got nil", raised(function() array[1] = nil end))
    assert.match("1e%+300 does not fit f32", raised(function() parallel.Array("f32", 1)[1] = 1e300 end))
    assert.match("300 does not fit u8", raised(array.fill, array, 300))
    assert.same({0, 0}, array:to_table())
  end)

  it("is read and written in parts", function()
    local array = parallel.Array("i32", count_to(MANY))
    assert.same({7, 8, 9}, array:get(7, 3))
    assert.same({MANY - 1, MANY}, array:get(MANY - 1))
    assert.same(count_to(MANY), array:get())
    assert.same({}, array:get(MANY + 1))
    assert.same({}, array:get(1, 0))
    array:set(3, {-3, -4})
    assert.same({2, -3, -4, 5}, array:get(2, 4))
    array:set(MANY + 1, {})
    assert.match("elements 9 to 5007 are not all in the array of 5003 i32", raised(array.get, array, 9, MANY - 4))
    assert.match("elements 5003 to 5004 are not all in", raised(array.set, array, MANY, {1, 2}))
    assert.match("index 0 is outside", raised(array.get, array, 0))
    assert.match("how many cannot be negative", raised(array.get, array, 1, -1))
  end)

  it("is written wholly or not at all", function()
    local array = parallel.Array("u8", {1, 2, 3})
    assert.match("cannot set element 3: 256 does not fit u8", raised(array.set, array, 2, {7, 256}))
    assert.same({1, 2, 3}, array:to_table())
  end)

  it("is copied", function()
    local array = parallel.Array("i16", {1, 2, 3})
    local copy = array:copy()
    copy[1] = 9
    assert.same({1, 2, 3}, array:to_table())
    assert.same({9, 2, 3}, copy:to_table())
    assert.same({2, 3}, array:slice(2, 3):copy():to_table())
  end)

  it("is shown with its size and type", function()
    assert.equal("array of 3 f64", tostring(parallel.Array("f64", 3)))
  end)

  describe("slice", function()
    it("is a part of the same memory", function()
      local array = parallel.Array("i32", count_to(10))
      local slice = array:slice(4, 7)
      assert.equal(4, slice:count())
      assert.same({4, 5, 6, 7}, slice:to_table())
      slice[1] = -4
      assert.equal(-4, array[4])
      array[7] = -7
      assert.equal(-7, slice[4])
      assert.equal(-4 + 5 + 6 - 7, slice:sum())
      slice:fill(0)
      assert.same({3, 0, 0, 0, 0, 8}, array:get(3, 6))
      assert.match("index 5 is outside of the array of 4 i32", raised(function() return slice[5] end))
    end)

    it("can be sliced, be empty, and take all", function()
      local array = parallel.Array("i32", count_to(10))
      assert.same({5, 6}, array:slice(4, 7):slice(2, 3):to_table())
      assert.equal(0, array:slice(11):count())
      assert.equal(0, array:slice(3, 2):count())
      assert.equal(10, array:slice():count())
    end)

    it("lies inside", function()
      local array = parallel.Array("i32", 10)
      for _, ends in ipairs({{0, 3}, {12, 12}, {3, 11}, {5, 3}, {-3, -1}}) do
        assert.match("index %S+ is outside of the array", raised(array.slice, array, ends[1], ends[2]))
      end
    end)

    it("keeps the memory alive", function()
      local slice = parallel.Array("i32", {1, 2, 3}):slice(2, 3):slice(1, 1)
      collectgarbage()
      collectgarbage()
      assert.equal(2, slice[1])
    end)

    it("is closed with its array, not the other way round", function()
      local array = parallel.Array("i32", 3)
      local slice = array:slice(2, 3)
      slice:close()
      assert.equal(0, slice[1])
      array:close()
      assert.match("attempt to use a closed array", raised(function() return slice[1] end))
    end)

    it("is sent as a part of its array", function()
      local array = parallel.Array("i32", 4)
      parallel.with(parallel.Pool(2), function(pool)
        pool:apply(function(slice) slice:fill(1) end, array:slice(2, 3))
      end)
      assert.same({0, 1, 1, 0}, array:to_table())
      array:close()
    end)
  end)

  it("is inherited, captured and sent", function()
    local array = parallel.Array("f64", 3)
    child.start(function() array[1] = 1 end):finish()
    parallel.with(parallel.Pool(2), function(pool)
      pool:map(function(i) array[i] = i end, {2})
      assert.equal(2, pool:apply(function(theirs)
        theirs[3] = 3
        return theirs[2]
      end, array))
    end)
    assert.same({1, 2, 3}, array:to_table())
    array:close()
  end)

  it("is of no use once closed", function()
    local array = parallel.Array("f64", 3)
    array:close()
    array:close()
    local closed = "array_spec.lua:%d+: attempt to use a closed array"
    assert.match(closed, raised(function() return array[1] end))
    assert.match(closed, raised(function() array[1] = 1 end))
    assert.match(closed, raised(function() return (array:sum()) end))
  end)

  it("cannot be made of what is none", function()
    assert.match("unknown ctype 'f16'", raised(parallel.Array, "f16", 1))
    assert.match("#2 .*cannot be negative", raised(parallel.Array, "i8", -1))
    assert.match("#2 .*a whole number expected", raised(parallel.Array, "i8", 1.5))
    assert.match("#2 .*a number of elements or a list expected", raised(parallel.Array, "i8"))
    assert.match("cannot set element 2: number expected, got string", raised(parallel.Array, "i8", {1, "2"}))
  end)

  it("fails by an error when there is not as much memory", function()
    assert.match("cannot share 8.0e%+15 bytes: Cannot allocate memory", raised(parallel.Array, "f64", 1e15))
    assert.match("cannot share 8.0e%+13 bytes: Cannot allocate memory", raised(parallel.Array, "f64", 1e13))
    testing.fault("sys.fallocate:ENOSPC@2")
    assert.match("cannot share 2.0e%+06 bytes: No space left on device", raised(parallel.Array, "i8", 2e6))
    testing.fault("sys.mmap:ENOMEM@1")
    assert.match("cannot share 65 bytes: Cannot allocate memory", raised(parallel.Array, "i8", 1))
    testing.fault(nil)
  end)

  it("is made in the face of signals, and where memory cannot be taken beforehand", function()
    testing.fault("sys.fallocate:EINTR@2")
    assert.equal(0, parallel.Array("i8", 2000000)[2000000])
    for _, why in ipairs({"EOPNOTSUPP", "ENOSYS"}) do
      testing.fault("sys.fallocate:" .. why .. "@*")
      assert.equal(0, parallel.Array("i8", 2000000)[2000000])
    end
    testing.fault(nil)
  end)

  it("has its memory when it is made", function()
    local array = parallel.Array("i8", 100000)
    assert.is_true(lfs.attributes("/proc/self/fd/" .. descriptor_of_array(), "blocks") * 512 >= 100000)
    array:close()
  end)

  it("is attached only to memory that holds as much as it says, of a type that there is", function()
    for _, header in ipairs({"\99\0\0\0\0\0\0\0\1", "\0\0\0\0\0\0\0\0\37"}) do
      parallel.with(parallel.Pool(1), function(pool)
        pool:apply(type, 1) -- its worker is there: what comes next is sent, not inherited
        local array = parallel.Array("i8", 36)
        local memory = testing.open_box(descriptor_of_array())
        memory:write(0, header)
        local later = pool:submit(function(theirs) return theirs:count() end, array)
        assert.match("cannot attach an array: Invalid argument", tostring(raised(later.get, later)))
        memory:close()
        array:close()
      end)
    end
  end)
end)
