require "parallel"
local core = require "parallel.core"
local testing = core.testing

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

  it("is given to the workers of a worker too", function()
    assert.equal("sound", in_worker(function()
      churn()
      return in_worker(churn)
    end))
  end)
end)
