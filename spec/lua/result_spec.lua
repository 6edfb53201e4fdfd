local parallel = require("parallel")

local result

local function made_of(list, fields)
  local function map(pair, emit) emit(pair[1], pair[2]) end
  local job = {values = list, map = map, combine = "sum", workers = 2}
  for name, value in pairs(fields or {}) do job[name] = value end
  result = parallel.mapreduce(job)
  return result
end

local function collect()
  local list = {}
  for key, value in result:pairs() do list[#list + 1] = {key, value} end
  return list
end

describe("Result", function()
  after_each(function()
    if result then result:close() end
    result = nil
  end)

  it("gives its pairs in the order of sort, as often as asked", function()
    made_of({{"b", 1}, {"a", 2}, {"b", 3}}, {sort = "key"})
    for _ = 1, 2 do assert.same({{"a", 2}, {"b", 4}}, collect()) end
  end)

  it("starts anew after a loop that was left", function()
    made_of({{"b", 1}, {"a", 2}}, {sort = "key"})
    assert.equal("a", (result:pairs()()))
    assert.same({{"a", 2}, {"b", 1}}, collect())
  end)

  it("may be asked within a loop over it, and looped over again", function()
    made_of({{"a", 1}, {"b", 2}}, {sort = "key"})
    local seen = {}
    for key, value in result:pairs() do
      for other in result:pairs() do seen[#seen + 1] = key .. other end
      assert.equal(value, result:get(key))
      assert.same({{"b", 2}}, result:top(1))
    end
    assert.same({"aa", "ab", "ba", "bb"}, seen)
  end)

  it("is not collected while a loop goes over it", function()
    made_of({{"a", 1}, {"b", 2}})
    local step = result:pairs()
    result = nil
    collectgarbage()
    collectgarbage()
    assert.equal("a", (step()))
  end)

  it("ends a loop when it is closed in it", function()
    made_of({{"a", 1}, {"b", 2}})
    local step = result:pairs()
    result:close()
    assert.error_matches(step, "attempt to use a closed result")
  end)

  it("gives the value of a key, of any kind, or nil", function()
    made_of({{"a", 1}, {2, 2}, {true, 3}, {{"x", 1}, 4}})
    assert.same({1, 2, 3, 4}, {result:get("a"), result:get(2), result:get(true), result:get({"x", 1})})
    assert.is_nil(result:get("b"))
    assert.is_nil(result:get({"x", 2}))
  end)

  it("becomes a table", function()
    made_of({{"a", 1}, {"b", 2}})
    assert.same({a = 1, b = 2}, result:to_table())
  end)

  it("gives the greatest values first, whatever the sort, equal ones in its order", function()
    made_of({{"a", 1}, {"b", 3}, {"c", 3}, {"d", 2}}, {sort = "key"})
    assert.same({{"b", 3}, {"c", 3}, {"d", 2}}, result:top(3))
    assert.same({}, result:top(0))
    assert.equal(4, #result:top(100))
  end)

  it("gives the greatest of values of several types", function()
    made_of({{"a", 1}, {"b", "x"}, {"c", true}, {"d", 2}, {"e", false}}, {combine = "first", sort = "key"})
    assert.same({{"b", "x"}, {"d", 2}, {"a", 1}, {"c", true}, {"e", false}}, result:top(5))
    assert.error_matches(function() result:top() end, "bad argument #1 to 'top' %(number expected, got no value%)")
  end)

  it("gives the greatest values first when it is sorted by them", function()
    made_of({{"a", 1}, {"b", 3}, {"c", 3}}, {sort = "value desc"})
    assert.same({{"b", 3}, {"c", 3}}, result:top(2))
  end)

  it("tells how many pairs there are", function()
    made_of({{"a", 1}, {"b", 2}, {"a", 1}})
    assert.equal(2, result:count())
    if not jit then assert.equal(2, #result) end
  end)

  it("may be empty", function()
    made_of({})
    assert.same({}, collect())
    assert.equal(0, result:count())
    assert.same({}, result:top(1))
    assert.is_nil(result:get("a"))
  end)

  it("closes twice, and cannot be used then", function()
    made_of({{"a", 1}})
    result:close()
    result:close()
    for _, name in ipairs({"pairs", "count", "to_table", "get", "top", "write"}) do
      local _, message = pcall(function() result[name](result, 1) end)
      assert.match("result_spec.lua:%d+: attempt to use a closed result$", message, nil, nil, name)
    end
  end)

  it("is closed by the collector", function()
    made_of({{"a", 1}})
    result = nil -- the harness fails this test when descriptors are left
  end)

  it("is closed at the end of its block", function()
    if jit then pending("LuaJIT has no to-be-closed variables") end
    local kept = load([[
      local made = ...
      do local result <close> = made end
      return made
    ]])(made_of({{"a", 1}}))
    assert.error_matches(function() kept:count() end, "attempt to use a closed result")
  end)

  describe("that is larger than the memory of its job", function()
    local PAIRS, EACH = 4000, 1000 -- bytes of a value

    -- How much more is held in between at most, in KiB; garbage does not count.
    local function held(f)
      collectgarbage()
      local before, most = collectgarbage("count"), 0
      debug.sethook(function()
        collectgarbage()
        most = math.max(most, collectgarbage("count"))
      end, "", 10000)
      f()
      debug.sethook()
      assert.is_true(most > 0)
      return most - before
    end

    before_each(function()
      local i = 0
      result = parallel.mapreduce({
        values = function()
          i = i + 1
          return i <= PAIRS and i or nil
        end,
        workers = 1, memory = "256K", combine = "first", sort = "key",
        map = function(n, emit) emit(n, ("%08d"):format(n * 7919 % PAIRS) .. ("x"):rep(EACH - 8)) end,
      })
      if rawget(_G, "jit") then -- compiled code calls no hook
        jit.off()
        jit.flush()
      end
    end)

    after_each(function()
      if rawget(_G, "jit") then jit.on() end
    end)

    it("is never in memory as a whole", function()
      local function whole()
        local count = 0
        for _ in result:pairs() do count = count + 1 end
        assert.equal(PAIRS, count)
      end
      local function single()
        assert.equal(EACH, #result:get(PAIRS))
        assert.is_nil(result:get("none"))
      end
      local function top()
        local list = result:top(2)
        assert.equal("00003999", list[1][2]:sub(1, 8))
        assert.equal("00003998", list[2][2]:sub(1, 8))
        assert.equal(2, #list)
      end
      for name, f in pairs({pairs = whole, get = single, top = top}) do
        local most = held(f)
        assert.is_true(most < PAIRS * EACH / 1024 / 2, ("%s held %.0f KiB"):format(name, most))
      end
    end)
  end)
end)
