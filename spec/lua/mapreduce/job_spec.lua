require("parallel")
local core = require("parallel.core")
local job = require("parallel.mapreduce.job")

local function prepare(fields)
  local made = {map = print, combine = "sum"}
  for name, value in pairs(fields or {}) do made[name] = value end
  return job.prepare(made)
end

describe("a job", function()
  it("is filled in where it is silent", function()
    local made = assert(prepare({workers = 3}))
    assert.same({"line", 3, 12, false}, {made.records, made.workers, made.partitions, made.descending})
    assert.is_nil(made.sort_by)
    assert.equal(core.cpu_count(), prepare().workers)
  end)

  it("is copied, not changed", function()
    local fields = {map = print, combine = "sum"}
    job.prepare(fields)
    assert.same({map = print, combine = "sum"}, fields)
  end)

  for sort, expected in pairs({
    ["key"] = {"key", false}, ["key asc"] = {"key", false}, ["key desc"] = {"key", true},
    ["value"] = {"value", false}, ["value desc"] = {"value", true},
  }) do
    it("is sorted as '" .. sort .. "' says", function()
      local made = prepare({sort = sort})
      assert.same(expected, {made.sort_by, made.descending})
    end)
  end

  it("keeps the greatest values when only top is given", function()
    local made = prepare({top = 3})
    assert.same({"value", true}, {made.sort_by, made.descending})
  end)

  it("takes workers less than 0 as joblib does", function()
    assert.equal(core.cpu_count(), prepare({workers = -1}).workers)
    assert.equal(1, prepare({workers = -1000}).workers)
  end)

  for message, fields in pairs({
    ["'map' must be a function, got string"] = {map = "x"},
    ["'combine' must be a string, got number"] = {combine = 1},
    ["'inputs' must be a table, got string"] = {inputs = "a.txt"},
    ["'top' must be a whole number, at least 1, got 0"] = {top = 0},
    ["'top' must be a whole number, at most 9007199254740992, got 1e+300"] = {top = 1e300},
    ["'partitions' must be a whole number, at most 65536, got 65537"] = {partitions = 65537},
    ["'seed' must be a whole number, at most 9223372036854774784, got 1e+19"] = {seed = 1e19},
    ["'output' must be a string, got number"] = {output = 5},
    ["'workers' must be a whole number, got 0.5"] = {workers = 0.5},
    ["'header' must be a whole number, at least 1, got 0"] = {header = 0},
    ["'format' must be one of tsv, json, csv, lua, raw, got 'xml'"] = {format = "xml"},
    ["unknown field 'Map'"] = {Map = print},
    ["'progress' must be a boolean, got string"] = {progress = "yes"},
    ["'memory' must be a size such as '512M', got 'much'"] = {memory = "much"},
    ["'memory' must be a size such as '512M', got '0'"] = {memory = 0},
    ["'tmpdir' must be a string, got number"] = {tmpdir = 1},
  }) do
    it("is refused: " .. message, function()
      assert.same({nil, message}, {prepare(fields)})
    end)
  end

  it("without combine and reduce only maps, or sorts what is mapped", function()
    local plain, sorted = job.prepare({map = print}), job.prepare({map = print, sort = "key"})
    assert.same({true, false}, {plain.is_map_only, plain.spreads})
    assert.same({false, true}, {sorted.is_map_only, sorted.spreads})
    assert.is_false(job.prepare({map = print, reduce = print}).is_map_only)
  end)

  it("runs here when it shall have no workers", function()
    local made = prepare({workers = 0})
    assert.same({true, 1}, {made.is_inline, made.workers})
  end)
end)
