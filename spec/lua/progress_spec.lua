local files = require("spec.support.files")
local parallel = require("parallel")

local function told(fields)
  local calls = {}
  local job = {map = function(_, emit) emit("n") end, combine = "count", workers = 2,
    progress = function(done, total) calls[#calls + 1] = {done, total} end}
  for name, value in pairs(fields) do job[name] = value end
  parallel.mapreduce(job):close()
  return calls
end

local function assert_rises_to(total, calls)
  local last = 0
  for _, call in ipairs(calls) do
    assert.equal(total, call[2])
    assert.is_true(call[1] >= 0 and call[1] <= total)
    last = call[1]
  end
  assert.equal(total, last)
end

describe("progress", function()
  it("tells a function how many bytes of the files are done", function()
    assert_rises_to(8, told({inputs = {files.write("text", "one\ntwo\n")}}))
  end)

  it("tells a function how many values are done", function()
    assert_rises_to(3, told({values = {1, 2, 3}}))
  end)

  it("tells how many values an iterator has given so far", function()
    local i = 0
    local calls = told({values = function()
      i = i + 1
      return i <= 3 and i or nil
    end})
    assert.same({3, 3}, calls[#calls])
    for _, call in ipairs(calls) do assert.is_true(call[1] <= call[2]) end
  end)

  it("comes to nothing of nothing", function()
    assert_rises_to(0, told({values = {}}))
  end)

  it("passes on what the function raises", function()
    local ok, message = pcall(told, {values = {1}, progress = function() error("enough", 0) end})
    assert.same({false, "enough"}, {ok, message})
  end)
end)
