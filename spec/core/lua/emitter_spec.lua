local shuffle = require("spec.support.shuffle")
local core = require("parallel.core")

local file
before_each(function() file = core.scratch() end)
after_each(function() file:close() end)

local function emitter(options)
  options.depot = shuffle.depot(file)
  return core.emitter(options)
end

local function results(emit, combine)
  local list = shuffle.finish(emit:commit(), {combine = combine, partitions = 1})
  return shuffle.by_key(list), list
end

describe("emit", function()
  it("counts 1 when the value is left out", function()
    for _, combine in ipairs({"sum", "count", "max"}) do
      local emit = emitter({combine = combine})
      emit("a")
      assert.same({a = 1}, results(emit, combine))
    end
  end)

  it("refuses nil, as value and as key", function()
    for _, combine in ipairs({"sum", "count", "list", "mean"}) do
      local emit = emitter({combine = combine})
      assert.error_matches(function() emit("a", nil) end, "cannot send nil")
      assert.error_matches(function() emit(nil, 1) end, "cannot emit key: cannot send nil")
      assert.error_matches(function() emit() end, "cannot emit key: cannot send nil")
      assert.same({}, results(emit, combine))
    end
  end)

  it("refuses keys of other kinds", function()
    local emit = emitter({combine = "sum"})
    for _, key in ipairs({print, {{}}, {a = 1}, io.stdout}) do
      assert.error_matches(function() emit(key, 1) end,
                           "cannot emit key: expected a string, number, boolean or a list of them, got")
    end
    assert.error_matches(function() emit(0 / 0) end, "cannot emit key: it is not a number")
  end)

  it("refuses values that cannot be sent, at the caller's line", function()
    local emit = emitter({combine = "list"})
    local _, message = pcall(function() emit("a", print) end)
    assert.matches("emitter_spec.lua:%d+: cannot emit value: a function cannot", message)
    assert.error_matches(function() emit("a", {x = {print}}) end, "cannot emit value: x%[1%]: a function")
  end)

  it("takes every kind of key", function()
    local emit = emitter({combine = "count"})
    for _, key in ipairs({"", "a", 1, 1.5, true, false, -1, 2 ^ 60, "1"}) do emit(key) end
    emit({1, "a", true})
    local found = results(emit, "count")
    for _, key in ipairs({"", "a", 1, 1.5, true, false, -1, 2 ^ 60, "1"}) do assert.equal(1, found[key]) end
  end)

  it("takes more keys than fit its first slots", function()
    local emit = emitter({combine = "sum"})
    for round = 1, 2 do
      for i = 1, 20000 do emit("k" .. i, round) end
    end
    local found = results(emit, "sum")
    for i = 1, 20000 do assert.equal(3, found["k" .. i]) end
  end)

  -- Words come from a vocabulary that remembers where the emitter has them.
  it("counts words for whoever is given them", function()
    math.randomseed(7)
    local random, text = math.random, {}
    for i = 1, 4000 do text[i] = ("abcdefg"):rep(3):sub(random(21)):sub(1, random(18)) end
    text = table.concat(text, " ")
    local expected = {}
    for word in text:gmatch("%l+") do expected[word] = (expected[word] or 0) + 1 end
    local function check(emits, runs)
      for i in ipairs(emits) do
        for _, run in ipairs(emits[i]:commit()) do runs[i][#runs[i] + 1] = run end
        local list = shuffle.finish(runs[i], {combine = "sum", partitions = 1})
        assert.same(expected, shuffle.by_key(list))
      end
    end
    for _, memory in ipairs({2 ^ 30, 20000}) do
      local emits, runs = {}, {{}, {}, {}}
      for i = 1, 3 do emits[i] = emitter({combine = "sum", memory = memory}) end
      for word in core.words(text) do
        for i, emit in ipairs(emits) do
          emit(word, 1)
          if random(1000) == 1 then
            for _, run in ipairs(emit:commit()) do runs[i][#runs[i] + 1] = run end
          end
        end
      end
      check(emits, runs)
      for _, emit in ipairs(emits) do emit:free() end
    end
  end)

  it("forgets a word whose first value was refused", function()
    local emit = emitter({combine = "hist"})
    for word in core.words("one one") do
      assert.error_matches(function() emit(word, 0 / 0) end, "NaN")
      emit("two", 2)
    end
    for word in core.words("one two") do emit(word, 1) end
    local found = results(emit, "hist")
    assert.same({one = {[1] = 1}, two = {[1] = 1, [2] = 2}}, found)
  end)

  it("takes no word for that of an emitter that was there before", function()
    for _ = 1, 50 do
      local emit = emitter({combine = "sum"})
      for word in core.words("a b a b") do emit(word, 1) end
      assert.same({a = 2, b = 2}, results(emit, "sum"))
      for word in core.words("a b a b") do emit(word, 1) end
      emit:free()
      for word in core.words("b a b") do emit(word, 1) end
      assert.same({a = 1, b = 2}, results(emit, "sum"))
      emit = nil -- luacheck: ignore
      collectgarbage()
    end
  end)

  it("is empty again after a commit", function()
    local emit = emitter({combine = "set"})
    emit("a", 1)
    results(emit, "set")
    emit("b", 2)
    assert.same({b = {2}}, results(emit, "set"))
  end)

  it("tells how much memory it uses", function()
    local emit = emitter({combine = "list"})
    local before = emit:bytes()
    for i = 1, 1000 do emit(i, "some value") end
    assert.is_true(emit:bytes() > before + 10000)
  end)
end)

describe("emit:all", function()
  it("takes what an iterator returns", function()
    local emit = emitter({combine = "sum"})
    emit:all(("a b a"):gmatch("%a"))
    emit:all(("a b"):gmatch("%a"), 10)
    assert.same({a = 12, b = 11}, results(emit, "sum"))
  end)

  it("takes our own iterators without Lua, with any value", function()
    local emit = emitter({combine = "set"})
    emit:all(core.words("The cat the", "lower"), "page 1")
    emit:all(core.words("the dog", "lower"), "page 2")
    assert.same({the = {"page 1", "page 2"}, cat = {"page 1"}, dog = {"page 2"}}, results(emit, "set"))
  end)

  it("takes what can be called, and refuses what cannot", function()
    local emit, next_letter = emitter({combine = "sum"}), ("a b a"):gmatch("%a")
    emit:all(setmetatable({}, {__call = function() return next_letter() end}))
    assert.same({a = 2, b = 1}, results(emit, "sum"))
    assert.error_matches(function() emit:all(5) end, "bad argument #1 to 'all' %(iterator expected, got number%)")
    assert.error_matches(function() emit:all() end, "bad argument #1 to 'all' %(iterator expected, got no value%)")
  end)

  it("refuses nil as the value", function()
    local emit = emitter({combine = "sum"})
    assert.error_matches(function() emit:all(core.words("a"), nil) end, "cannot send nil")
  end)

  it("refuses a value that cannot be summed", function()
    local emit = emitter({combine = "sum"})
    assert.error_matches(function() emit:all(core.words("a"), "x") end,
                         "cannot sum: number expected, got string")
  end)

  it("may be given an iterator that emits", function()
    local emit, n = emitter({combine = "list"}), 0
    emit:all(function()
      n = n + 1
      emit("inner", n)
      return n <= 2 and "outer" or nil
    end, "value")
    assert.same({inner = {1, 2, 3}, outer = {"value", "value"}}, results(emit, "list"))
  end)

  it("passes on what the iterator raises", function()
    local emit, problem = emitter({combine = "sum"}), {}
    local _, raised = pcall(emit.all, emit, function() error(problem) end)
    assert.equal(problem, raised)
  end)
end)

describe("emit with a combine function", function()
  local function add(a, b) return a + b end
  local function join(a, b) return {a[1] + b[1]} end

  it("keeps one value a key, however many come", function()
    local emit = emitter({combine = add})
    for i = 1, 100 do emit("key " .. i % 10, i) end
    local before = emit:bytes()
    for i = 101, 100000 do emit("key " .. i % 10, i) end
    assert.equal(before, emit:bytes())
    local found = results(emit, add)
    for i = 0, 9 do
      local sum = 0
      for n = i, 100000, 10 do sum = sum + n end
      assert.equal(sum, found["key " .. i])
    end
  end)

  it("does not grow with values that become longer and shorter", function()
    local function other(_, b) return b end
    local emit = emitter({combine = other})
    for i = 1, 100 do emit("k", ("v"):rep(i % 50)) end
    local before = emit:bytes()
    for i = 1, 1000 do emit("k", ("v"):rep(i % 50)) end
    assert.equal(before, emit:bytes())
  end)

  it("folds copies of tables, whatever the key", function()
    local emit, value = emitter({combine = join}), {2}
    for _ = 1, 3 do
      emit(7, value)
      emit({"a", 1}, value)
    end
    assert.same({2}, value)
    assert.same({{7, {6}}, {{"a", 1}, {6}}}, select(2, results(emit, join)))
  end)

  it("takes the keys of iterators", function()
    local emit = emitter({combine = add})
    emit:all(core.words("a b a"))
    emit:all(("a b"):gmatch("%a"), 10)
    assert.same({a = 12, b = 11}, results(emit, add))
  end)

  it("passes on what the function raises, and keeps the value before", function()
    local problem = {}
    local function pick(a, b) return b == 3 and error(problem) or a + b end
    local emit = emitter({combine = pick})
    emit("k", 1)
    emit("k", 1)
    local _, raised = pcall(emit, "k", 3)
    assert.equal(problem, raised)
    emit("k", 5)
    assert.same({k = 7}, results(emit, pick))
  end)

  it("refuses a function that yields, emits or returns nil", function()
    local emit
    local function refused(combine, message)
      emit = emitter({combine = combine})
      emit("k", 1)
      local ok, why = coroutine.wrap(function() return pcall(emit, "k", 2) end)()
      assert.is_false(ok)
      assert.matches(message, why)
      assert.same({k = 1}, results(emit, add))
    end
    refused(coroutine.yield, "attempt to yield across")
    refused(function() end, "cannot send nil")
  end)

  it("refuses a function that emits", function()
    local emit
    emit = emitter({combine = function(a, b)
      if b < 10 then emit("other", 10) end
      return a + b
    end})
    emit("k", 1)
    assert.error_matches(function() emit("k", 2) end, "combine may not emit")
  end)

  it("refuses values that cannot be sent", function()
    local emit = emitter({combine = add})
    for _ = 1, 2 do
      assert.error_matches(function() emit("k", nil) end, "cannot send nil")
      assert.error_matches(function() emit("k", print) end, "cannot emit value")
      emit("k")
    end
    assert.same({k = 2}, results(emit, add))
  end)
end)
