require "parallel"
local core = require "parallel.core"
local testing = core.testing

local calls

-- What a function that is called so sees, a list for each call.
local function arguments_of(some)
  local seen, worker = {n = 0}, core.inline_self()
  core.run_items(worker, function(...)
    seen.n = seen.n + 1
    seen[seen.n] = {n = select("#", ...), ...}
  end, "calls", some:bytes())
  seen.n = nil
  return seen
end

local function take(n)
  local taken = core.calls()
  calls:take(n, taken)
  return taken
end

local function add_numbers(n)
  for i = 1, n do assert.is_true(calls:add(i)) end
end

describe("calls", function()
  before_each(function() calls = core.calls() end)
  after_each(function() testing.fault(nil) end)

  it("keep scalars of every kind, and their number", function()
    local longest = ("s"):rep(31)
    assert.is_true(calls:add())
    assert.is_true(calls:add(nil, true, false, nil))
    assert.is_true(calls:add(-16, 111, -17, 112, 2 ^ 53, 0.5, "", longest))
    assert.same({{n = 0}, {n = 4, nil, true, false, nil},
                 {n = 8, -16, 111, -17, 112, 2 ^ 53, 0.5, "", longest}}, arguments_of(calls))
  end)

  it("are written as the codec would write them", function()
    for _, values in ipairs({{1, 1.5, "x", n = 3}, {n = 2}, {-1000, true, n = 2}}) do
      local unpack = table.unpack or unpack
      assert.is_true(calls:add(unpack(values, 1, values.n)))
      assert.equal(core.call(unpack(values, 1, values.n)):bytes(), take(1):bytes())
    end
  end)

  it("leave to the codec what is not plain or not short", function()
    for _, value in ipairs({{}, print, ("s"):rep(32)}) do assert.is_false(calls:add(1, value)) end
    assert.is_false(calls:add(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14))
    assert.equal("", calls:bytes())
    assert.same({{n = 2, {1}, ("s"):rep(200)}}, arguments_of(core.call({1}, ("s"):rep(200))))
  end)

  it("are taken from the front, and the others stay", function()
    add_numbers(5)
    assert.same({{n = 1, 1}, {n = 1, 2}}, arguments_of(take(2)))
    assert.same({}, arguments_of(take(0)))
    assert.same({{n = 1, 3}, {n = 1, 4}, {n = 1, 5}}, arguments_of(take(3)))
    assert.has_error(function() take(1) end)
  end)

  it("go to others only when those are none", function()
    add_numbers(2)
    local taken = take(1)
    assert.has_error(function() calls:take(1, taken) end)
    assert.same({{n = 1, 2}}, arguments_of(calls))
  end)

  it("are dropped from the front, and the others stay", function()
    add_numbers(3)
    calls:drop(2)
    assert.same({{n = 1, 3}}, arguments_of(calls))
    assert.has_error(function() calls:drop(2) end)
  end)

  it("are cut from anywhere, and all stay", function()
    add_numbers(5)
    assert.same({{n = 1, 2}, {n = 1, 3}}, arguments_of(calls:cut(2, 3)))
    assert.equal(calls:bytes(), calls:cut(1, 5):bytes())
    for _, range in ipairs({{0, 1}, {2, 1}, {5, 6}}) do
      assert.has_error(function() calls:cut(range[1], range[2]) end)
    end
  end)

  it("know when each was added, wherever they go", function()
    local before = core.clock()
    add_numbers(3)
    local began = calls:began(2)
    assert.is_true(before <= calls:began(1) and calls:began(1) <= began and began <= core.clock())
    assert.equal(began, calls:cut(2, 2):began(1))
    take(1)
    assert.equal(began, calls:began(1))
    assert.has_error(function() calls:began(3) end)
  end)

  it("are as before when there is no memory for one more", function()
    testing.fault("sys.realloc:ENOMEM@1")
    assert.has_error(function() calls:add(1) end, "not enough memory")
    testing.fault(nil)
    add_numbers(1)
    assert.same({{n = 1, 1}}, arguments_of(calls))
  end)

  it("that are damaged are refused before any is run", function()
    add_numbers(2)
    local bytes = calls:bytes()
    for size = 1, #bytes - 1 do
      local ran = 0
      local ok, why = pcall(core.run_items, core.inline_self(), function() ran = ran + 1 end, "calls",
        bytes:sub(1, size))
      if not ok then
        assert.match("damaged calls", why)
        assert.equal(0, ran)
      end
    end
  end)
end)
