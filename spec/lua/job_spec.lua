require("parallel")
local core = require("parallel.core")
local job = require("parallel.job")

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
    ["'workers' must be a whole number, got 0.5"] = {workers = 0.5},
    ["'workers' must not be 0"] = {workers = 0},
    ["unknown field 'Map'"] = {Map = print},
    ["'progress' must be a boolean, got string"] = {progress = "yes"},
  }) do
    it("is refused: " .. message, function()
      assert.same({nil, message}, {prepare(fields)})
    end)
  end

  it("needs combine or reduce", function()
    assert.same({nil, "a job needs 'combine' or 'reduce'"}, {job.prepare({map = print})})
    assert.is_truthy(job.prepare({map = print, reduce = print}))
  end)
end)
