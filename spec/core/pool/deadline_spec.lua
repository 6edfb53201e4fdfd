require "parallel"
local core = require "parallel.core"

local pool

local function open(handle)
  pool = assert(core.pool({workers = 1, window = 3, begin = function() end, handle = handle}))
end

local function forever(self, items)
  for i = 1, tonumber(items) do
    self:item(i)
    while i == 2 do end
  end
  return "done"
end

describe("deadline", function()
  after_each(function() pool:close() end)

  it("is met by killing when nothing else helps", function()
    open(function(self)
      self:item(2)
      return (("a"):rep(40)):find(("a*"):rep(20) .. "b")
    end)
    local task = pool:submit("", nil, 0.02)
    local kind, number, _, detail = pool:wait(5)
    assert.equal("death", kind)
    assert.equal(task, number)
    assert.equal(2, detail.item)
    assert.is_true(detail.ordered)
    assert.is_false(detail.innocent)
  end)

  it("does not count what waits behind another task", function()
    open(function(self, seconds)
      self:item(1)
      local till = core.clock() + tonumber(seconds)
      while core.clock() < till do end
      return "done"
    end)
    pool:submit("0.1")
    pool:submit("0", nil, 0.05)
    assert.equal("result", (pool:wait(5)))
    assert.equal("result", (pool:wait(5)))
  end)

  it("must be more than nothing", function()
    open(forever)
    for _, bad in ipairs({0, -1, 0 / 0}) do
      assert.error_matches(function() pool:submit("1", nil, bad) end, "a limit must be more than 0")
    end
  end)

  it("stops an item that is cancelled, and takes back one that has not begun", function()
    local begun = os.getenv("TMPDIR") .. "/begun"
    open(function(self, items)
      io.open(begun, "w"):close()
      return forever(self, items)
    end)
    local running, waiting = pool:submit("2"), pool:submit("1")
    while pool:stats().queued > 0 or not core.stat(begun) do pool:wait(0) end
    os.remove(begun)
    local how, from = pool:cancel(waiting, 1)
    assert.same({"withdrawn", 1}, {how, from})
    assert.match("^[rs]", pool:cancel(running, 2))
    local kind = pool:wait(5)
    assert.is_true(kind == "error" or kind == "death")
    assert.is_nil(pool:wait(0))
    assert.is_nil(pool:cancel(running, 2))
  end)
end)
