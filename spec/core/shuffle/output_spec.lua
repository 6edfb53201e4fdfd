local shuffle = require("spec.support.shuffle")
local core = require("parallel.core")

local function sum(list, order)
  order.combine = "sum"
  return shuffle.run({list}, order)
end

local function random_pairs(n)
  local list = {}
  for i = 1, n do list[i] = {"k" .. math.random(n), math.random(10)} end
  return list
end

-- The order that the options ask for, in plain Lua.
local function model(list, order)
  local sums, result = {}, {}
  for _, pair in ipairs(list) do sums[pair[1]] = (sums[pair[1]] or 0) + pair[2] end
  for key, value in pairs(sums) do result[#result + 1] = {key, value} end
  table.sort(result, function(a, b)
    local field = order.sort == "value" and a[2] ~= b[2] and 2 or 1
    if order.desc and (order.sort == "key" or field == 2) then a, b = b, a end
    return a[field] < b[field]
  end)
  for i = #result, (order.top or #result) + 1, -1 do result[i] = nil end
  return result
end

describe("an output", function()
  for _, sort in ipairs({"key", "value"}) do
    for _, desc in ipairs({false, true}) do
      for _, top in ipairs({0, 1, 7, 100000}) do
        local order = {sort = sort, desc = desc, top = top > 0 and top or nil}
        it(("is sorted by %s, desc %s, top %d"):format(sort, tostring(desc), top), function()
          math.randomseed(3)
          local list = random_pairs(4000)
          assert.same(model(list, order), sum(list, order))
        end)
      end
    end
  end

  it("gives the greatest values when only top is asked for", function()
    assert.same({{"c", 3}, {"b", 2}}, sum({{"a", 1}, {"b", 2}, {"c", 3}}, {top = 2}))
  end)

  it("puts equal values in the order of their keys, also when they descend", function()
    local list = {{"b", 1}, {"a", 1}, {"c", 2}, {1, 1}}
    assert.same({{"c", 2}, {1, 1}, {"a", 1}, {"b", 1}}, sum(list, {sort = "value", desc = true}))
  end)

  it("sorts values of several types, lists too", function()
    local list = {{"a", "x"}, {"b", {1, "y"}}, {"c", 5}, {"d", "x\0"}, {"e", {1}}}
    local found = shuffle.run({list}, {combine = "first", sort = "value"})
    assert.same({{"c", 5}, {"a", "x"}, {"d", "x\0"}, {"e", {1}}, {"b", {1, "y"}}}, found)
  end)

  it("sorts sets as lists", function()
    local list = {{"a", 2}, {"b", 1}, {"b", 3}}
    assert.same({{"b", {1, 3}}, {"a", {2}}}, shuffle.run({list}, {combine = "set", sort = "value"}))
  end)

  it("refuses to sort by tables, and names the key", function()
    assert.error_matches(function()
      shuffle.run({{{"x", {a = 1}}}}, {combine = "first", sort = "value"})
    end, "cannot sort by value: key 'x' has a table")
  end)

  it("is sorted although it is larger than what is gathered at once", function()
    local list, long = {}, ("x"):rep(65536)
    for i = 1, 600 do list[i] = {i, long .. i % 10} end
    local found = shuffle.run({list}, {combine = "first", sort = "value", desc = true, partitions = 1})
    assert.equal(600, #found)
    assert.same({9, 19, 29}, {found[1][1], found[2][1], found[3][1]})
    assert.same({590, 600}, {found[599][1], found[600][1]})
  end)

  it("keeps the top of more than is gathered at once", function()
    local list, long = {}, ("x"):rep(65536)
    for i = 1, 600 do list[i] = {i, ("%03d"):format(i * 7 % 600) .. long} end
    local found = shuffle.run({list}, {combine = "first", top = 3, partitions = 1})
    assert.same({"599", "598", "597"},
                {found[1][2]:sub(1, 3), found[2][2]:sub(1, 3), found[3][2]:sub(1, 3)})
  end)

  it("counts not more than the top", function()
    local runs = shuffle.emit({{{"a", 1}, {"b", 1}, {"c", 1}}}, {combine = "sum"})
    local outputs = shuffle.reduce(runs, {combine = "sum", top = 2})
    assert.equal(2, core.result(outputs, {top = 2}):count())
  end)
end)
