local shuffle = require("spec.support.shuffle")
local raised = require("spec.support.trials").raised

local function combined(name, values)
  local batch = {}
  for i, value in ipairs(values) do batch[i] = {"k", value} end
  return shuffle.by_key(shuffle.run({batch}, {combine = name})).k
end

local function less(a, b)
  if type(a) == type(b) then return a < b end
  return type(a) == "number"
end

-- What each combiner means, said in plain Lua over the list of a key's values.
local MODEL = {}
function MODEL.sum(values)
  local sum = 0
  for _, value in ipairs(values) do sum = sum + value end
  return sum
end
function MODEL.count(values) return #values end
function MODEL.mean(values) return MODEL.sum(values) / #values end
function MODEL.first(values) return values[1] end
function MODEL.last(values) return values[#values] end
function MODEL.list(values)
  table.sort(values, less)
  return values
end
function MODEL.set(values)
  local distinct, seen = {}, {}
  for _, value in ipairs(values) do
    if not seen[value] then distinct[#distinct + 1] = value end
    seen[value] = true
  end
  table.sort(distinct, less)
  return distinct
end
function MODEL.hist(values)
  local times = {}
  for _, value in ipairs(values) do times[value] = (times[value] or 0) + 1 end
  return times
end
MODEL["top:3"] = function(values)
  table.sort(values, function(a, b) return less(b, a) end)
  return {values[1], values[2], values[3]}
end
function MODEL.min(values) return MODEL.set(values)[1] end
function MODEL.max(values)
  local distinct = MODEL.set(values)
  return distinct[#distinct]
end

local function random_value(numbers_only)
  if numbers_only or math.random() < 0.5 then return math.random(-50, 50) end
  return ("v"):rep(math.random(0, 30)) .. math.random(9)
end

local function random_pairs(numbers_only)
  local list = {}
  for i = 1, math.random(400) do
    list[i] = {"key " .. math.random(20), random_value(numbers_only)}
  end
  return list
end

local function grouped(list)
  local groups = {}
  for _, pair in ipairs(list) do
    local values = groups[pair[1]] or {}
    groups[pair[1]] = values
    values[#values + 1] = pair[2]
  end
  return groups
end

local function expected(name, list)
  local results = {}
  for key, values in pairs(grouped(list)) do results[key] = MODEL[name](values) end
  return results
end

describe("a combiner", function()
  before_each(function() math.randomseed(7) end)

  for name in pairs(MODEL) do
    it("'" .. name .. "' gives what plain Lua gives, however the pairs are split", function()
      for _ = 1, 20 do
        local list = random_pairs(name == "sum" or name == "mean")
        local found = shuffle.by_key(shuffle.run(shuffle.split(list, math.random(5)), {combine = name}))
        if name == "list" then
          for _, values in pairs(found) do table.sort(values, less) end
        end
        assert.same(expected(name, list), found)
      end
    end)
  end

  it("that is unknown is refused with the names there are", function()
    local core = require("parallel.core")
    assert.error_matches(function() core.emitter({combine = "summ"}) end, "'summ' %(sum, count, min")
  end)
end)

describe("sum", function()
  it("of integers is an integer, and of anything with a float a float", function()
    assert.equal("3", tostring(combined("sum", {1, 2})))
    assert.equal(3.5, combined("sum", {1, 2.5}))
  end)

  if math.type then
    it("wraps around as integers do", function()
      assert.equal(math.mininteger, combined("sum", {math.maxinteger, 1}))
    end)

    it("of whole floats stays a float", function()
      assert.equal("float", math.type(combined("sum", {1.0, 2.0})))
    end)
  end

  it("does not lose small numbers beside large ones", function()
    assert.equal(1, combined("sum", {1e100, 1.0, -1e100}))
    local list = {}
    for i = 1, 1000 do list[i] = 0.1 end
    assert.equal(100.0, combined("sum", list))
  end)

  it("passes infinities on", function()
    assert.equal(math.huge, combined("sum", {math.huge, 1.5}))
  end)

  it("refuses what is no number, and names the key", function()
    assert.error_matches(function() combined("sum", {"five"}) end,
                         "cannot sum: number expected, got string %(key 'k'%)")
    assert.error_matches(function() combined("mean", {true}) end,
                         "cannot take the mean: number expected, got boolean %(key 'k'%)")
  end)
end)

describe("first and last", function()
  it("follow the splits, not the order of the runs", function()
    local core = require("parallel.core")
    local file = core.scratch()
    local function commit(combine, split, value)
      local emit = core.emitter({combine = combine, depot = shuffle.depot(file)})
      emit:split(split)
      emit("k", value)
      return emit:commit()[1]
    end
    for combine, wanted in pairs({first = "early", last = "late"}) do
      local runs = {commit(combine, 9, "late"), commit(combine, 2, "early"), commit(combine, 5, "middle")}
      assert.same({{"k", wanted}}, shuffle.finish(runs, {combine = combine, partitions = 1}))
    end
  end)
end)

describe("a set", function()
  it("is sorted: booleans, numbers, strings, lists", function()
    assert.same({false, true, -1, 0.5, 2, "", "a", "b", {1, 2}, {2}},
                combined("set", {{2}, "b", 2, true, "", {1, 2}, 0.5, "a", false, -1, "b", 2}))
  end)

  it("does not grow with values that come again", function()
    local core = require("parallel.core")
    local emit = core.emitter({combine = "set"})
    for i = 1, 1000 do emit("k", i % 7) end
    local before = emit:bytes()
    for i = 1, 100000 do emit("k", i % 7) end
    assert.is_true(emit:bytes() < before + 10000)
  end)

  it("keeps thousands of values that come in any order", function()
    local values, wanted = {}, {}
    for i = 1, 5000 do
      values[i] = (i * 7919) % 3001
      wanted[(i * 7919) % 3001 + 1] = (i * 7919) % 3001
    end
    assert.same(wanted, combined("set", values))
  end)

  it("keeps tables too", function()
    assert.same({{a = 1}}, combined("set", {{a = 1}, {a = 1}}))
  end)
end)

describe("min and max", function()
  it("hold values longer than their state has room for", function()
    local long, longer = ("m"):rep(100), ("m"):rep(10000)
    assert.equal(longer, combined("max", {"a", long, longer, "b"}))
    assert.equal(long, combined("min", {longer, long}))
  end)

  it("count 1 and 1.0 as neighbours", function()
    assert.equal("1", tostring(combined("min", {1.0, 1, 2})))
  end)
end)

describe("hist", function()
  it("counts every value, in memory that does not grow with the counts", function()
    local core = require("parallel.core")
    local file = core.scratch()
    local emit = core.emitter({combine = "hist", depot = shuffle.depot(file)})
    for i = 1, 1000 do emit("k", i % 7) end
    local before = emit:bytes()
    for i = 1001, 70000 do emit("k", i % 7) end
    assert.is_true(emit:bytes() < before + 10000)
    local runs = emit:commit()
    local times = {[0] = 10000, 10000, 10000, 10000, 10000, 10000, 10000}
    assert.same({{"k", times}}, shuffle.finish(runs, {combine = "hist", partitions = 1}))
    file:close()
  end)

  it("counts 1 and 1.0 together, as keys of a table", function()
    assert.same({[1] = 3, [1.5] = 1, ["1"] = 1}, combined("hist", {1, 1.0, 1.5, "1", 1}))
  end)

  it("refuses NaN, which is no key of a table", function()
    assert.match("cannot emit value: NaN cannot be counted by hist$", raised(combined, "hist", {1, 0 / 0}))
    assert.match("cannot emit value: NaN cannot be counted by hist$", raised(combined, "hist", {0 / 0, 1}))
  end)

  it("is written as JSON, in the order of the values", function()
    local list = {{"k", "b"}, {"k", 2}, {"k", "b"}, {"k", true}, {"k", 10}}
    for format, wanted in pairs({
      tsv = 'k\t{"true": 1, "2": 1, "10": 1, "b": 2}\n',
      json = '{"key": "k", "value": {"true": 1, "2": 1, "10": 1, "b": 2}}\n',
    }) do
      assert.equal(wanted, shuffle.text({list}, {combine = "hist", format = format}))
    end
  end)
end)

describe("top:N", function()
  it("keeps the greatest, with those that come again, and little else", function()
    local core = require("parallel.core")
    local file = core.scratch()
    local emit = core.emitter({combine = "top:4", depot = shuffle.depot(file)})
    for i = 1, 1000 do emit("k", i * 7919 % 1009) end
    local before = emit:bytes()
    for i = 1, 100000 do emit("k", i * 7919 % 1009) end
    assert.is_true(emit:bytes() < before + 10000)
    local runs = emit:commit()
    assert.same({{"k", {1008, 1008, 1008, 1008}}}, shuffle.finish(runs, {combine = "top:4", partitions = 1}))
    file:close()
  end)

  it("is all there are when they are fewer", function()
    assert.same({3, 2}, combined("top:5", {2, 3}))
  end)

  it("needs a number", function()
    local core = require("parallel.core")
    for _, name in ipairs({"top:", "top:0", "top:x", "top:N", "top:99999999999"}) do
      local message = "no way to combine is called '" .. name
      assert.error_matches(function() core.emitter({combine = name}) end, message)
    end
  end)
end)
