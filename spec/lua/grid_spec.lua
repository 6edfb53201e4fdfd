local parallel = require("parallel")

local function all(lists)
  local made = {}
  for combination in parallel.grid(lists) do made[#made + 1] = combination end
  return made
end

describe("a grid", function()
  it("is all combinations, the last name varying fastest", function()
    assert.same({{a = 1, b = "x"}, {a = 1, b = "y"}, {a = 2, b = "x"}, {a = 2, b = "y"}},
      all({b = {"x", "y"}, a = {1, 2}}))
  end)

  it("of one list is its values", function()
    assert.same({{lr = 0.1}, {lr = 0.01}}, all({lr = {0.1, 0.01}}))
  end)

  it("with an empty list is empty", function()
    assert.same({}, all({a = {1, 2}, b = {}}))
  end)

  it("of nothing is one combination of nothing", function()
    assert.same({{}}, all({}))
  end)

  it("gives tables of their own", function()
    local made = all({a = {1, 2}})
    made[1].a = 5
    assert.equal(2, made[2].a)
  end)

  it("refuses what is no list at the caller's line", function()
    for _, case in ipairs({{3, "table expected, got number"}, {{a = 3}, "a must be a list, got number"}}) do
      local _, message = pcall(function() parallel.grid(case[1]) end)
      assert.match("grid_spec.lua:%d+: bad argument #1 to 'grid' %(" .. case[2], message)
    end
  end)
end)
