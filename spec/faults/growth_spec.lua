-- No buffer of the core can grow, at one of all the places where one might: what comes out is right, or
-- says that there is no memory.
local core = require "parallel.core"
local parallel = require "parallel"
local shuffle = require "spec.support.shuffle"
local testing = core.testing

local PAIRS = {
  {"a", 1}, {"b,", "x\ty"}, {"a", 2.5}, {"c\0", {1, "two"}}, {true, false}, {"b,", ("long"):rep(9)},
  {-7, {x = {y = "z"}}}, {"a", 2}, {{1, "k"}, "\"q\""}, {0.25, {}}, {"a", "b\0c"},
}

local function numbers()
  local list = {}
  for i = 1, 40 do list[i] = {i % 3 == 0 and "a" or i % 7, i} end
  return list
end

-- A word many times over is known by its number.
local function words()
  local list = {}
  for i = 1, 300 do list[i] = {"k" .. i % 2, i % 5 == 0 and i or "w" .. i % 11} end
  return list
end

local function is_no_memory(problem) return tostring(problem):find("[Mm]emory") ~= nil end

-- scenario() once for each time that it reserves room in this process, which fails that time.
local function fail_each(scenario)
  local expected, n = scenario(), 0
  repeat
    n = n + 1
    testing.fault("buffer.reserve:ENOMEM@" .. n)
    local ok, result = pcall(scenario)
    local acted = testing.fault_acted()
    testing.fault(nil)
    if ok then assert.same(expected, result)
    elseif not is_no_memory(result) then error(result, 0) end
  until acted == 0
  assert.is_true(n > 3)
  assert.same(expected, scenario())
end

describe("without room to grow,", function()
  after_each(function() testing.fault(nil) end)

  for _, format in ipairs({"raw", "tsv", "json", "csv", "lua"}) do
    it("a result is written as " .. format .. ", or not", function()
      fail_each(function() return shuffle.text({PAIRS}, {combine = "first", format = format}) end)
      fail_each(function() return shuffle.text({PAIRS}, {combine = "set", format = format}) end)
      fail_each(function() return shuffle.text({words()}, {combine = "hist", format = format}) end)
    end)
  end

  for _, combine in ipairs({"sum", "count", "mean", "min", "max", "first", "last", "top:3"}) do
    it("pairs are combined by " .. combine .. ", or not", function()
      fail_each(function() return shuffle.run({numbers(), numbers()}, {combine = combine}) end)
    end)
  end

  for _, combine in ipairs({"list", "set", "hist"}) do
    it("pairs are combined by " .. combine .. ", or not", function()
      fail_each(function() return shuffle.run({words(), words()}, {combine = combine}) end)
      fail_each(function() return shuffle.text({PAIRS, PAIRS}, {combine = combine, format = "lua"}) end)
    end)
  end

  it("results are sorted, or not", function()
    for _, order in ipairs({{sort = "key"}, {sort = "value", desc = true}, {top = 2}}) do
      order.combine = "sum"
      fail_each(function() return shuffle.run({numbers(), numbers()}, order) end)
    end
  end)

  it("values cross, or not", function()
    local value = {1, 2.5, "text", {nested = {true, false}}, ("x"):rep(500), print, function() return PAIRS end}
    local function same(x) return x[3] .. #x[5] .. x[4].nested[1] end
    value[4].nested[1] = "n"
    fail_each(function() return same(core.decode_trusted(core.encode_trusted(value))) end)
    local queue = parallel.Queue()
    fail_each(function()
      local put = queue:put(value)
      return put and same(queue:get())
    end)
  end)
end)
