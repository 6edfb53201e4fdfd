-- Only LuaJIT has such views.
if not rawget(_G, "jit") then return end

local parallel = require "parallel"
local child = require "spec.support.child"
local raised = require("spec.support.trials").raised
local ffi = require "ffi"

local arrays

-- Closed after the test: compiled code keeps what it has seen for a while.
local function array_of(...)
  local array = parallel.Array(...)
  arrays[#arrays + 1] = array
  return array
end

describe("the view of a shared array", function()
  before_each(function() arrays = {} end)
  after_each(function()
    for _, array in ipairs(arrays) do array:close() end
    arrays = nil
  end)

  for _, ctype in ipairs({"i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f32", "f64"}) do
    it("is its elements: " .. ctype, function()
      local array = array_of(ctype, {1, 2, 3})
      local view = array:ffi()
      assert.equal(3, #view)
      view[3] = 100
      assert.equal(100, array[3])
      array[1] = 7
      assert.equal(7, tonumber(view[1]))
    end)
  end

  it("is its elements: bool", function()
    local view = array_of("bool", {false, true}):ffi()
    assert.same({false, true}, {view[1], view[2]})
  end)

  it("has integers of 64 bits that are no numbers", function()
    local array = array_of("u64", 1)
    local view, most = array:ffi(), ffi.cast("uint64_t", ffi.cast("int64_t", -1))
    view[1] = most
    assert.is_true(view[1] == most)
    assert.equal(2 ^ 64, array[1])
    assert.is_true(array:slice(1, 1):pointer()[0] == most)
  end)

  it("has no elements outside", function()
    local view = array_of("f64", 10):ffi()
    for _, i in ipairs({0, -1, 11, 2 ^ 60, 0 / 0}) do
      local wanted = "array_view_spec.lua:%d+: index %S+ is outside of the view of 10 elements"
      assert.match(wanted, raised(function() return view[i] end))
      assert.match(wanted, raised(function() view[i] = 1 end))
    end
  end)

  it("is bounds-checked in compiled code too", function()
    local view = array_of("f64", 100):ffi()
    local function sum(last)
      local total = 0
      for i = 1, last do total = total + view[i] end
      return total
    end
    for _ = 1, 100 do sum(100) end
    assert.match("index 101 is outside", raised(sum, 101))
  end)

  it("is that of a slice", function()
    local view = array_of("i32", {1, 2, 3, 4}):slice(2, 3):ffi()
    assert.same({2, 3, 2}, {view[1], view[2], #view})
  end)

  it("keeps the memory alive, even when the array is closed", function()
    local array = parallel.Array("i32", {1, 2})
    local view, pointer = array:ffi(), array:pointer()
    array:close()
    array = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    view[2] = 5
    assert.equal(5, pointer[1])
    assert.is_true(ffi.istype("int32_t *", pointer))
  end)

  it("is of shared memory", function()
    local view = array_of("i32", 1):ffi()
    child.start(function() view[1] = 9 end):finish()
    assert.equal(9, view[1])
  end)

  it("is not had of a closed array", function()
    local array = array_of("i32", 1)
    array:close()
    assert.match("attempt to use a closed array", raised(array.ffi, array))
    assert.match("attempt to use a closed array", raised(array.pointer, array))
  end)
end)
