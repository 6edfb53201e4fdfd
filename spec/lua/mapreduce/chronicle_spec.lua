-- What jobs leave behind about their run, and random numbers in them.
local cjson = require("cjson")
local files = require("spec.support.files")
local parallel = require("parallel")

local TEXT = ("line\n"):rep(100)

local function run(fields)
  local job = {workers = 2, inputs = {files.write("a.txt", TEXT), files.write("b.txt", TEXT)}, combine = "count",
               map = function(line, emit) emit(line) end}
  for name, value in pairs(fields) do job[name] = value end
  return parallel.mapreduce(job)
end

local function slices(path)
  local names = {}
  for _, event in ipairs(cjson.decode(files.read(path))) do
    if event.ph == "X" then names[event.name] = event.tid end
  end
  return names
end

describe("the trace of a job", function()
  it("has a slice for each split and each partition", function()
    run({trace = files.path("trace.json"), partitions = 3}):close()
    local names = slices(files.path("trace.json"))
    for _, name in ipairs({files.path("a.txt") .. ":0+500", files.path("b.txt") .. ":0+500",
                           "reduce 0", "reduce 1", "reduce 2"}) do
      assert.is_true(names[name] == 1 or names[name] == 2, name)
    end
  end)

  it("is whole when the job fails", function()
    assert.has_error(function()
      run({trace = files.path("trace.json"), map = function() error("bad", 0) end})
    end)
    assert.is_true(#cjson.decode(files.read(files.path("trace.json"))) > 0)
  end)

  it("cannot be where there is no folder", function()
    local ok, message = pcall(run, {trace = "/nowhere/trace.json"})
    assert.is_false(ok)
    assert.equal("cannot write '/nowhere/trace.json': No such file or directory", tostring(message))
  end)
end)

for _, kind in ipairs({"trace", "report"}) do
  it("a " .. kind .. " that does not fit on the disk is told", function()
    local ok, message = pcall(run, {[kind] = "/dev/full"})
    assert.is_false(ok)
    assert.equal("cannot write '/dev/full': No space left on device", tostring(message))
  end)
end

describe("the report of a job", function()
  it("tells of splits, and of what failed", function()
    run({report = files.path("report.html"), skip_bad = 1, map = function(line, emit, info)
      if info.index == 2 then error("a <bad> file") end
      emit(line)
    end}):close()
    local page = files.read(files.path("report.html"))
    assert.match("a.txt:0+500", page, 1, true)
    assert.match("a &lt;bad&gt; file", page, 1, true)
  end)
end)

describe("the report of a job that reduces", function()
  it("tells how much larger the largest partition is than the others", function()
    local function emit_some(_, emit)
      for i = 1, 5 do emit(i) end
    end
    run({report = files.path("report.html"), workers = 1, partitions = 1, map = emit_some}):close()
    assert.match("1 partitions of 5 records: the largest, reduce 0, has 5, 1.0 times the mean",
      files.read(files.path("report.html")), 1, true)
    run({report = files.path("report.html"), workers = 1, partitions = 4}):close()
    assert.match("4 partitions of 1 records: the largest, reduce %d, has 1, 4%.0 times the mean",
      files.read(files.path("report.html")))
  end)
end)

describe("a job that skips", function()
  it("has the Failures in its result", function()
    local result = run({skip_bad = 2, map = function(_, _, info)
      if info.index == 1 then error("bad", 0) end
    end})
    assert.equal(1, #result.skipped)
    assert.is_true(parallel.is_failure(result.skipped[1], "error"))
    assert.equal(files.path("a.txt") .. ":0+500: bad", tostring(result.skipped[1]))
    assert.equal("bad", result.skipped[1].value)
    assert.same({1, 0}, {result.stats.skipped, result.stats.failed})
    result:close()
  end)

  it("has the values of errors in them", function()
    local result = run({skip_bad = 1, map = function(_, _, info)
      if info.index == 1 then error({code = 5}) end
    end})
    assert.same({code = 5}, result.skipped[1].value)
    result:close()
  end)
end)

describe("a job with a seed", function()
  local function draw(workers, seed)
    local result = run({workers = workers, seed = seed, combine = "list", map = function(_, emit, info)
      emit(info.path, math.random())
    end})
    local drawn = {}
    for path, list in result:pairs() do
      table.sort(list)
      drawn[path:match("[^/]*$")] = list
    end
    result:close()
    return drawn
  end

  it("draws the same numbers for any number of workers", function()
    local drawn = draw(1, 7)
    assert.same(drawn, draw(2, 7))
    assert.same(drawn, draw(0, 7))
    assert.same(drawn, draw(3, 7))
  end)

  it("draws others in each split, and with each seed", function()
    local drawn = draw(2, 7)
    assert.not_same(drawn["a.txt"], drawn["b.txt"])
    assert.not_same(drawn, draw(2, 8))
  end)

  it("cuts values alike for any number of workers", function()
    local function sum(workers)
      local values = {}
      for i = 1, 300 do values[i] = i end
      local result = parallel.mapreduce({workers = workers, seed = 3, values = values, combine = "sum",
        map = function(_, emit) emit("sum", math.random(1000)) end})
      local total = result:get("sum")
      result:close()
      return total
    end
    assert.equal(sum(1), sum(3))
    assert.equal(sum(1), sum(0))
  end)
end)
