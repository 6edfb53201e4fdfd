require("parallel")
local core = require("parallel.core")
local values = require("spec.support.values")

values.register_types(core)

local EACH, TASKS = 100, 30

-- In the worker: what came must be what this process makes by itself from the same numbers.
local function check(_, payload)
  local first, copies = core.decode_trusted(payload)
  for i = 1, #copies do values.compare(values.random(first + i), copies[i]) end
  return core.encode_trusted(copies)
end

local function made(first)
  local list = {}
  for i = 1, EACH do list[i] = values.random(first + i) end
  return list
end

describe("random values", function()
  local pool
  before_each(function() pool = core.pool({workers = 1, begin = function() end, handle = check}) end)
  after_each(function() pool:close() end)

  it("are the same in a worker, and when they come back", function()
    local expected = {}
    for first = 0, (TASKS - 1) * EACH, EACH do
      local list = made(first)
      expected[pool:submit(core.encode_trusted(first, list))] = list
      local kind, task, _, reply = pool:wait(30)
      assert.equal("result", kind, type(reply) == "table" and reply[1] or nil)
      local copies = core.decode_trusted(reply)
      assert.equal(EACH, #copies)
      for i, objects in ipairs(expected[task]) do values.compare(objects, copies[i]) end
    end
  end)

  it("are told from others in a worker", function()
    local list = made(0)
    list[7] = values.random(1000)
    pool:submit(core.encode_trusted(0, list))
    assert.equal("error", (pool:wait(30)))
  end)
end)
