require "parallel"
local core = require "parallel.core"
local testing = core.testing
local files = require "spec.support.files"
local shell = require "spec.support.shell"

-- What `work` returns in a worker.
local function in_worker(work)
  local pool = assert(core.pool({
    workers = 1, begin = function() end, handle = function() return tostring(work()) end,
  }))
  pool:submit("")
  local kind, _, _, detail = pool:wait(20)
  pool:close()
  return kind == "result" and detail or detail.message
end

local function text(size, seed) return (string.char(65 + seed % 26)):rep(size) end

-- Things of all sizes, made, grown, dropped and looked at again.
local function churn()
  local kept = {}
  for round = 1, 2000 do
    local slot = round % 97
    kept[slot] = {size = (round * 37) % 1500, seed = round}
    kept[slot].text = text(kept[slot].size, round)
    for i = 1, round % 40 do kept[slot][i] = i end
    local seen = kept[(round * 31) % 97]
    if seen and (seen.text ~= text(seen.size, seen.seed) or #seen ~= seen.seed % 40) then return "damaged" end
  end
  return "sound"
end

-- A program with some 30 MB of records, whose worker looks at all of them and makes as
-- much garbage again and again; it prints how many megabytes that worker copied.
local READER = [[
  local parallel = require "parallel"
  local records = {}
  for i = 1, 120000 do records[i] = {id = i, name = "user" .. i, score = i / 2} end
  local function private()
    for line in io.lines("/proc/self/smaps_rollup") do
      local kilobytes = line:match("^Private_Dirty:%s*(%d+)")
      if kilobytes then return kilobytes / 1024 end
    end
  end
  _G.records, _G.private = records, private
  local pool = parallel.Pool(1)
  print(pool:apply(function()
    for _ = 1, 2 do
      for i, record in ipairs(_G.records) do local _ = {record.score, i .. "x"} end
    end
    return _G.private()
  end))
  pool:close()
]]

-- A program with two workers that have nothing to do, which prints how many kilobytes one of them has
-- for itself.
local IDLER = [[
  local parallel = require "parallel"
  local pool = parallel.Pool(2)
  pool:broadcast(function() end)
  local sum = 0
  for line in io.lines(("/proc/%d/smaps_rollup"):format(pool:stats()[1].pid)) do
    sum = sum + (tonumber(line:match("^Private_%a+:%s*(%d+)")) or 0)
  end
  print(sum)
  pool:close()
]]

describe("a worker's heap", function()
  after_each(function() testing.fault(nil) end)

  it("keeps blocks of all sizes apart", function()
    assert.equal("sound", in_worker(churn))
  end)

  it("takes inherited blocks that grow, shrink and go", function()
    local inherited = {}
    for i = 1, 300 do inherited[i] = {text(i, i), i} end
    assert.equal("sound", in_worker(function()
      for i = 1, 300, 2 do
        for n = 1, i do inherited[i][n] = n end
        inherited[i + 1] = nil
      end
      collectgarbage()
      for i = 1, 300, 2 do
        if #inherited[i] ~= math.max(i, 2) then return "damaged" end
      end
      return churn()
    end))
  end)

  it("does without addresses of its own", function()
    testing.fault("sys.mmap:ENOMEM@4") -- after those of worker and pool
    assert.equal("sound", in_worker(churn))
  end)

  if not rawget(_G, "jit") then -- LuaJIT's collector writes to all that it looks at
    it("leaves pages shared that are only read while garbage is made", function()
      local result = shell.run({shell.interpreter(), files.write("reader.lua", READER)})
      local copied = tonumber(result.stdout)
      assert.is_true(copied and copied < 10, result.stdout .. result.stderr .. " MB were copied")
    end)
  end

  it("is small while the worker has nothing to do", function()
    if (os.getenv("LD_PRELOAD") or "") ~= "" then pending("a sanitizer needs memory of its own") end
    local result = shell.run({shell.interpreter(), files.write("idler.lua", IDLER)})
    local own = tonumber(result.stdout)
    assert.is_true(own and own < 300, result.stdout .. result.stderr .. " KiB are its own")
  end)

  it("is given to the workers of a worker too", function()
    assert.equal("sound", in_worker(function()
      churn()
      return in_worker(churn)
    end))
  end)
end)
