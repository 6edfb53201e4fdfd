local parallel = require("parallel")
local trials = require("spec.support.trials")

local foreach = parallel.foreach

local function square(n) return n * n end

local function odd_only(n)
  if n % 2 == 0 then error("even") end
  return n
end

local function add(a, b) return a + b end

describe("foreach", function()
  it("gives the results in the order of the items", function()
    assert.same({1, 4, 9, n = 3}, foreach({1, 2, 3}, square, {workers = 2}))
  end)

  it("takes iterators, such as a grid", function()
    local function product(p) return p.a * p.b end
    assert.same({3, 4, 6, 8, n = 4}, foreach(parallel.grid({a = {1, 2}, b = {3, 4}}), product, {workers = 2}))
  end)

  it("combines the results, from init on, and finishes them", function()
    local options = {combine = add, workers = 2}
    assert.equal(14, foreach({1, 2, 3}, square, options))
    options.init = 100
    assert.equal(114, foreach({1, 2, 3}, square, options))
    options.final = function(sum) return "sum " .. sum end
    assert.equal("sum 114", foreach({1, 2, 3}, square, options))
  end)

  it("combines in the order of the items", function()
    local function join(a, b) return a .. b end
    assert.equal("1234", foreach({"1", "2", "3", "4"}, function(s) return s end, {combine = join, workers = 2}))
  end)

  it("may take results as they come", function()
    local list = foreach({3, 1, 2}, square, {ordered = false, workers = 2})
    table.sort(list)
    assert.same({1, 4, 9, n = 3}, list)
  end)

  it("of nothing gives nothing, or init", function()
    assert.same({n = 0}, foreach({}, square))
    assert.equal(7, foreach({}, square, {combine = add, init = 7}))
  end)

  it("stops at a round that fails", function()
    local failure = trials.raised(foreach, {1, 2, 3}, odd_only, {workers = 2})
    assert.is_true(parallel.is_failure(failure, "error"))
    assert.match("even", tostring(failure))
  end)

  it("may leave it out", function()
    assert.same({1, 3, n = 2}, foreach({1, 2, 3}, odd_only, {on_error = "remove", workers = 2}))
  end)

  it("may pass its Failure on", function()
    local list = foreach({1, 2, 3}, odd_only, {on_error = "pass", workers = 2})
    assert.same({1, true, 3}, {list[1], parallel.is_failure(list[2], "error"), list[3]})
  end)

  for what, case in pairs({
    ["on_error must be one of stop, remove, pass, got ignore"] = {{}, square, {on_error = "ignore"}},
    ["bad argument #3 to 'foreach' %(unknown option 'processes'%)"] = {{}, square, {processes = 2}},
    ["bad argument #3 to 'foreach' %(chunksize must be a whole"] = {{}, square, {chunksize = 0}},
    ["bad argument #2 to 'foreach' %(function expected, got no value%)"] = {{}},
    ["bad argument #1 to 'foreach' %(table or iterator expected, got number%)"] = {3, square},
  }) do
    it("refuses wrong arguments: " .. what, function()
      local _, message = pcall(function() foreach(case[1], case[2], case[3]) end)
      assert.match("foreach_spec.lua:%d+: ", message)
      assert.match(what, message)
    end)
  end
end)
