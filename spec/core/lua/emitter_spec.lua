local shuffle = require("spec.support.shuffle")
local core = require("parallel.core")

local function results(emit, combine)
  local file = core.scratch()
  return shuffle.by_key(shuffle.finish({emit:commit(file:fd())}, {combine = combine, partitions = 1}))
end

describe("emit", function()
  it("counts 1 when the value is left out", function()
    for _, combine in ipairs({"sum", "count", "max"}) do
      local emit = core.emitter({combine = combine})
      emit("a")
      assert.same({a = 1}, results(emit, combine))
    end
  end)

  it("refuses nil, as value and as key", function()
    for _, combine in ipairs({"sum", "count", "list", "mean"}) do
      local emit = core.emitter({combine = combine})
      assert.error_matches(function() emit("a", nil) end, "cannot send nil")
      assert.error_matches(function() emit(nil, 1) end, "cannot emit key: cannot send nil")
      assert.error_matches(function() emit() end, "cannot emit key: cannot send nil")
      assert.same({}, results(emit, combine))
    end
  end)

  it("refuses keys of other kinds", function()
    local emit = core.emitter({combine = "sum"})
    for _, key in ipairs({print, {{}}, {a = 1}, io.stdout}) do
      assert.error_matches(function() emit(key, 1) end,
                           "cannot emit key: expected a string, number, boolean or a list of them, got")
    end
    assert.error_matches(function() emit(0 / 0) end, "cannot emit key: it is not a number")
  end)

  it("refuses values that cannot be sent, at the caller's line", function()
    local emit = core.emitter({combine = "list"})
    local _, message = pcall(function() emit("a", print) end)
    assert.matches("emitter_spec.lua:%d+: cannot emit value: a function cannot", message)
    assert.error_matches(function() emit("a", {x = {print}}) end, "cannot emit value: x%[1%]: a function")
  end)

  it("takes every kind of key", function()
    local emit = core.emitter({combine = "count"})
    for _, key in ipairs({"", "a", 1, 1.5, true, false, -1, 2 ^ 60, "1"}) do emit(key) end
    emit({1, "a", true})
    local found = results(emit, "count")
    for _, key in ipairs({"", "a", 1, 1.5, true, false, -1, 2 ^ 60, "1"}) do assert.equal(1, found[key]) end
  end)

  it("takes more keys than fit its first slots", function()
    local emit = core.emitter({combine = "sum"})
    for round = 1, 2 do
      for i = 1, 20000 do emit("k" .. i, round) end
    end
    local found = results(emit, "sum")
    for i = 1, 20000 do assert.equal(3, found["k" .. i]) end
  end)

  it("is empty again after a commit", function()
    local emit = core.emitter({combine = "set"})
    emit("a", 1)
    results(emit, "set")
    emit("b", 2)
    assert.same({b = {2}}, results(emit, "set"))
  end)

  it("tells how much memory it uses", function()
    local emit = core.emitter({combine = "list"})
    local before = emit:bytes()
    for i = 1, 1000 do emit(i, "some value") end
    assert.is_true(emit:bytes() > before + 10000)
  end)
end)

describe("emit:all", function()
  it("takes what an iterator returns", function()
    local emit = core.emitter({combine = "sum"})
    emit:all(("a b a"):gmatch("%a"))
    emit:all(("a b"):gmatch("%a"), 10)
    assert.same({a = 12, b = 11}, results(emit, "sum"))
  end)

  it("takes our own iterators without Lua, with any value", function()
    local emit = core.emitter({combine = "set"})
    emit:all(core.words("The cat the", "lower"), "page 1")
    emit:all(core.words("the dog", "lower"), "page 2")
    assert.same({the = {"page 1", "page 2"}, cat = {"page 1"}, dog = {"page 2"}}, results(emit, "set"))
  end)

  it("refuses nil as the value", function()
    local emit = core.emitter({combine = "sum"})
    assert.error_matches(function() emit:all(core.words("a"), nil) end, "cannot send nil")
  end)

  it("refuses a value that cannot be summed", function()
    local emit = core.emitter({combine = "sum"})
    assert.error_matches(function() emit:all(core.words("a"), "x") end,
                         "cannot sum: number expected, got string")
  end)

  it("may be given an iterator that emits", function()
    local emit, n = core.emitter({combine = "list"}), 0
    emit:all(function()
      n = n + 1
      emit("inner", n)
      return n <= 2 and "outer" or nil
    end, "value")
    assert.same({inner = {1, 2, 3}, outer = {"value", "value"}}, results(emit, "list"))
  end)

  it("passes on what the iterator raises", function()
    local emit, problem = core.emitter({combine = "sum"}), {}
    local _, raised = pcall(emit.all, emit, function() error(problem) end)
    assert.equal(problem, raised)
  end)
end)
