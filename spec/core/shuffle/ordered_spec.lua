local shuffle = require("spec.support.shuffle")

local function sorted_keys(keys)
  local batch, found = {}, {}
  for i, key in ipairs(keys) do batch[i] = {key, 1} end
  for i, pair in ipairs(shuffle.run({batch}, {combine = "sum", partitions = 1})) do found[i] = pair[1] end
  return found
end

describe("ordered bytes", function()
  it("put booleans before numbers before strings before lists", function()
    assert.same({false, true, -5, 0, 7, "", "a", {1}}, sorted_keys({{1}, "a", 7, true, "", -5, false, 0}))
  end)

  it("put numbers in their order", function()
    local wanted = {-math.huge, -1e300, -2.5, -2, -1e-300, 0, 1e-300, 1, 1.5, 2, 2 ^ 52, 1e300,
                    math.huge}
    assert.same(wanted, sorted_keys({wanted[13], 2, 1.5, 0, wanted[2], -2, wanted[5], wanted[1], 1,
                                     wanted[11], wanted[3], wanted[12], wanted[7]}))
  end)

  it("put strings in the order of their bytes, shorter ones first", function()
    local wanted = {"", "\0", "\0\0", "\0\1", "a", "a\0", "a\0b", "aa", "b", "\255"}
    assert.same(wanted, sorted_keys({"b", "aa", "a\0b", "\0\1", "", "\255", "a", "\0\0", "a\0", "\0"}))
  end)

  it("put lists in the order of their elements, strings with zeros too", function()
    local wanted = {{1}, {1, 1}, {1, "a"}, {1, "a\0"}, {1, "a\0", 0}, {1, "ab"}, {2}, {"a"},
                    {"a\0\255"}, {"b"}}
    assert.same(wanted, sorted_keys({wanted[6], wanted[10], wanted[4], wanted[1], wanted[9], wanted[3],
                                     wanted[8], wanted[2], wanted[7], wanted[5]}))
  end)

  it("make a whole float the integer that it is, as keys of tables do", function()
    assert.same({{"3", 2}}, (function()
      local list = shuffle.run({{{3, 1}, {3.0, 1}}}, {combine = "sum"})
      list[1][1] = tostring(list[1][1])
      return list
    end)())
  end)

  if math.type then
    it("tell apart integers that are the same double", function()
      local wanted = {math.mininteger, -9007199254740992, 9007199254740992, 9007199254740993,
                      9007199254740994, math.maxinteger - 1, math.maxinteger}
      assert.same(wanted, sorted_keys({wanted[7], wanted[4], wanted[1], wanted[3], wanted[6], wanted[5],
                                       wanted[2]}))
    end)
  end
end)
