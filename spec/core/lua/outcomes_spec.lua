require "parallel"
local core = require "parallel.core"

-- What a worker sends of f for each of the items.
local function outcomes_of(f, items)
  local worker = core.inline_self()
  items.n = items.n or #items
  core.run_items(worker, f, "one", items)
  return worker:taken()
end

local function read(bytes, count, settled)
  local results = {}
  local last, failures, elapsed = core.outcomes(bytes, results, 0, settled or 0, count)
  return results, last, failures, elapsed
end

local function same(x) return x end

describe("outcomes", function()
  it("keep every kind of value", function()
    local values = {0, -16, 111, -17, 112, 2 ^ 53, -2 ^ 53, 0.5, -0.0, 1 / 0, true, false, "", "short",
                    ("s"):rep(63), ("s"):rep(64), ("long"):rep(10000), {1, {2, "x"}}}
    local results, last, failures, elapsed = read(outcomes_of(same, values), #values)
    values.n = nil
    assert.same(values, results)
    assert.equal(#values, last)
    assert.is_nil(failures)
    assert.is_true(elapsed >= 0)
    assert.equal(-1 / 0, 1 / results[9])
  end)

  it("keep nil, and integers apart from floats", function()
    local results, last = read(outcomes_of(same, {n = 3, nil, 2, 2.0}), 3)
    assert.is_nil(results[1])
    assert.equal(3, last)
    assert.equal(math.type and "float" or nil, math.type and math.type(results[3]))
  end)

  it("put results behind an offset, as packed lists when asked to", function()
    local results = {"before"}
    core.outcomes(outcomes_of(same, {5, {6}}), results, 1, 0, 2, nil, true)
    assert.same({"before", {n = 1, 5}, {n = 1, {6}}}, results)
  end)

  it("tell failures by place", function()
    local _, last, failures = read(outcomes_of(error, {"one", {2}}), 2)
    assert.equal(2, last)
    assert.equal("one", failures[1].message)
    assert.same({2}, failures[2].value)
  end)

  it("pass over what is settled", function()
    local results, last = read(outcomes_of(same, {1, 2, 3}), 3, 2)
    assert.same({[3] = 3}, results)
    assert.equal(3, last)
  end)

  it("raise nothing but errors when they are damaged", function()
    local bytes = outcomes_of(same, {1, "two", 3.5, {4}, ("five"):rep(30), 1000000})
    for i = 1, #bytes do
      for _, change in ipairs({1, 64, 128, 255}) do
        local byte = string.char((bytes:byte(i) + change) % 256)
        local ok, why = pcall(read, bytes:sub(1, i - 1) .. byte .. bytes:sub(i + 1), 6)
        assert.is_true(ok or why:match("damaged") ~= nil, tostring(why))
      end
    end
  end)

  it("that are cut off are those before, or an error", function()
    local values = {1, "two", 3.5, {4}, 1000000}
    local bytes = outcomes_of(same, values)
    for size = 0, #bytes - 1 do
      local ok, results, last, _, elapsed = pcall(read, bytes:sub(1, size), #values)
      if ok then
        assert.is_nil(elapsed)
        for i = 1, last do assert.same(values[i], results[i]) end
      end
    end
  end)

  it("refuse more than there are items, and gaps", function()
    local bytes = outcomes_of(same, {1, 2, 3})
    assert.error_matches(function() read(bytes, 2) end, "more outcomes than items")
    local gap = bytes:sub(1, 1) .. "\3" .. bytes:sub(3)
    assert.error_matches(function() read(gap, 5) end, "a gap")
  end)
end)

describe("outcomes of calls", function()
  -- What a worker sends of f for each of these numbers, and the calls.
  local function run(f, numbers)
    local calls, worker = core.calls(), core.inline_self()
    for _, number in ipairs(numbers) do calls:add(number) end
    core.run_items(worker, f, "calls", calls:bytes())
    return worker:taken(), calls
  end

  local function settle(results, f, numbers, settled)
    local bytes, calls = run(f, numbers)
    return core.settle(bytes, results, 0, settled or 0, #numbers, nil, 7, calls)
  end

  it("become the values of the results that wait for them", function()
    local first, second, third = {}, {}, {}
    local results = {first, second, third}
    local last, failures, _, ended, others = settle(results, function(n)
      if n == 1 then return "one" elseif n == 2 then return nil, 2 end
    end, {1, 2, 3})
    assert.same({3, 3}, {last, ended})
    assert.is_true(failures == nil and others == nil and next(results) == nil)
    assert.equal("one", first.value)
    assert.same({n = 2, nil, 2}, second.values)
    assert.same({n = 0}, third.values)
    assert.is_true(first.worker == 7 and first.elapsed >= 0)
  end)

  it("are left packed when the result is attended, and dropped when there is none", function()
    local attended = {attended = true}
    local results = {attended, nil, {}}
    local last, _, _, ended, others = settle(results, function(n) return n, -n end, {1, 2, 3})
    assert.same({3, 1}, {last, ended})
    assert.same({{n = 2, 1, -1}}, others)
    assert.same({attended}, results)
    assert.same({attended = true}, attended)
  end)

  it("that are known already are passed over", function()
    local first, second = {}, {}
    local last, _, _, ended = settle({first, second}, same, {1, 2}, 1)
    assert.same({2, 1}, {last, ended})
    assert.is_true(first.value == nil and second.value == 2)
  end)

  it("of more calls than there are raise", function()
    local bytes = run(same, {1, 2})
    assert.error_matches(function() core.settle(bytes, {}, 0, 0, 2, nil, 1, core.calls()) end, "more items than calls")
  end)
end)
