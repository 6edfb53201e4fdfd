local shuffle = require("spec.support.shuffle")

local PAIRS = {{"a", 1}, {"b", 2}, {"a", 3}, {"c", 4}}

local function run(options, list)
  return shuffle.run({list or PAIRS}, options)
end

describe("a reduce function", function()
  it("gets the combined value", function()
    local function tenfold(_, sum) return sum * 10 end
    assert.same({{"a", 40}, {"b", 20}, {"c", 40}}, run({combine = "sum", reduce = tenfold}))
  end)

  it("gets an iterator when nothing was combined", function()
    local function join(key, values)
      local list = {key}
      for value in values do list[#list + 1] = value end
      return table.concat(list, ",")
    end
    assert.same({{"a", "a,1,3"}, {"b", "b,2"}, {"c", "c,4"}}, run({reduce = join}))
  end)

  it("need not read all values", function()
    local function first(_, values) return values() end
    assert.same({{"a", 1}, {"b", 2}, {"c", 4}}, run({reduce = first}))
  end)

  it("drops a key by returning nil", function()
    local function large(_, sum) return sum > 2 and sum or nil end
    assert.same({{"a", 4}, {"c", 4}}, run({combine = "sum", reduce = large}))
  end)

  it("emits several through its third argument, in any order of keys", function()
    local function twice(key, sum, emit)
      emit("z" .. key, sum)
      emit("y", key)
      emit(key)
    end
    assert.same({{"a", 1}, {"b", 1}, {"c", 1}, {"y", "a"}, {"y", "b"}, {"y", "c"}, {"za", 4}, {"zb", 2},
                 {"zc", 4}}, run({combine = "sum", reduce = twice, partitions = 1}))
  end)

  it("emits pairs whose order depends on nothing but what they are", function()
    local function scatter(key, sum, emit)
      for i = 3, 1, -1 do emit("k" .. (key + i) % 5, sum * i % 7) end
    end
    local list = {}
    for i = 1, 60 do list[i] = {i, i * i} end
    local orders = {{sort = "key"}, {sort = "key", desc = true}, {sort = "value"}, {sort = "key", top = 9},
                    {sort = "value", desc = true, top = 9}}
    for _, order in ipairs(orders) do
      local wanted
      for partitions = 1, 6 do
        order.combine, order.reduce, order.partitions = "sum", scatter, partitions
        local found = run(order, list)
        wanted = wanted or found
        assert.equal(order.top or 180, #found)
        assert.same(wanted, found)
      end
    end
  end)

  it("cannot read the values of a key when that is done", function()
    local kept
    local function keep(_, values)
      if kept then kept() end
      kept = values
    end
    assert.error_matches(function() run({reduce = keep, partitions = 1}) end,
                         "the values of a key are gone when its reduce has returned")
  end)

  it("may raise anything, which is passed on as it is", function()
    local problem = {}
    local _, raised = pcall(run, {combine = "sum", reduce = function() error(problem) end})
    assert.equal(problem, raised)
  end)

  it("may not yield", function()
    local step = coroutine.wrap(function()
      return pcall(run, {combine = "sum", reduce = coroutine.yield})
    end)
    local ok, message = step()
    assert.is_false(ok)
    assert.matches("attempt to yield across", message)
  end)

  it("may return tables", function()
    local function describe_sum(_, sum) return {sum = sum, even = sum % 2 == 0} end
    assert.same({{"a", {sum = 4, even = true}}}, run({combine = "sum", reduce = describe_sum}, {{"a", 4}}))
  end)
end)

describe("a combine function", function()
  local function larger(a, b) return a > b and a or b end

  it("folds the values of each key", function()
    assert.same({{"a", 3}, {"b", 2}, {"c", 4}}, run({combine = larger}))
  end)

  it("hands what it made to reduce", function()
    local function negative(_, value) return -value end
    assert.same({{"a", -3}, {"b", -2}, {"c", -4}}, run({combine = larger, reduce = negative}))
  end)

  it("folds many values, of several runs", function()
    local list = {}
    for i = 1, 5000 do list[i] = {"k", i} end
    local function add(a, b) return a + b end
    assert.same({{"k", 2 * 12502500}}, shuffle.run({list, list}, {combine = add}))
  end)
end)

describe("reduce", function()
  it("says what is wrong with its options", function()
    local core = require("parallel.core")
    assert.error_matches(function() core.reduce({runs = {}, partition = 0}) end, "parallel.depot expected")
    assert.error_matches(function()
      core.reduce({runs = {}, partition = 0, fd = 1, format = "xml"})
    end, "xml")
    assert.error_matches(function()
      core.reduce({runs = {}, partition = 0, fd = 1, combine = "summ"})
    end, "'summ'")
  end)

  it("of no runs leaves an empty output", function()
    assert.same({}, shuffle.run({}, {combine = "set"}))
    assert.same({}, shuffle.run({{}}, {combine = "set"}))
  end)
end)
