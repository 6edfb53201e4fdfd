-- luacheck: read globals travelling_global travelling_function no_such_function

require("parallel")
local core = require("parallel.core")

local unpack = table.unpack or unpack

local function there_and_back(...)
  return core.decode_trusted(core.encode_trusted(...))
end

describe("a function that travels", function()
  it("takes its code along", function()
    local double = there_and_back(function(x)
      return 2 * x
    end)
    assert.equal(42, double(21))
  end)

  it("keeps its name and lines for error messages", function()
    local function fail()
      error("here")
    end
    local _, there = pcall(there_and_back(fail))
    local _, here = pcall(fail)
    assert.equal(here, there)
    assert.match("function_spec.lua:%d+: here", there)
  end)

  it("takes what its upvalues hold at that moment", function()
    local k, list = 1, {1, {2}}
    local function f()
      return k, list[2][1]
    end
    k = 3
    local copy = there_and_back(f)
    k = 4
    list[2][1] = "changed"
    assert.same({3, 2}, {copy()})
  end)

  it("keeps upvalues that are nil or false", function()
    local nothing, no = nil, false
    local copy = there_and_back(function()
      return nothing, no, 1
    end)
    assert.same({n = 3, nil, false, 1}, {n = select("#", copy()), copy()})
  end)

  it("keeps variable arguments and results", function()
    local count = there_and_back(function(...)
      return select("#", ...), ...
    end)
    assert.same({2, "a", "b"}, {count("a", "b")})
  end)

  it("can call itself", function()
    local function factorial(n)
      return n < 2 and 1 or n * factorial(n - 1)
    end
    assert.equal(120, there_and_back(factorial)(5))
  end)

  it("can call others that call it back", function()
    local even
    local function odd(n)
      return n > 0 and even(n - 1)
    end
    function even(n)
      return n == 0 or odd(n - 1)
    end
    assert.is_true(there_and_back(even)(10))
    assert.is_false(there_and_back(odd)(10))
  end)

  it("shares variables with functions that travel along", function()
    local n = 0
    local function add()
      n = n + 1
    end
    local function get()
      return n
    end
    local copy_add, copy_get = there_and_back(add, get)
    copy_add()
    copy_add()
    assert.equal(2, copy_get())
    assert.equal(0, get())
  end)

  it("shares nothing with functions that only hold equal values", function()
    local function counter()
      local n = 0
      return function()
        n = n + 1
        return n
      end
    end
    local a, b = there_and_back(counter(), counter())
    a()
    a()
    assert.equal(1, b())
  end)

  it("shares tables with what travels along", function()
    local shared = {}
    local f, copy = there_and_back(function()
      return shared
    end, shared)
    assert.is_true(rawequal(copy, f()))
  end)

  it("remains the same function in all places", function()
    local function f() end
    local copy = there_and_back({f, f, [f] = 1})
    assert.is_true(rawequal(copy[1], copy[2]))
    assert.equal(1, copy[copy[1]])
  end)

  it("uses the receiver's globals", function()
    local copy = there_and_back(function(name, value)
      _G[name] = value
      return travelling_global
    end)
    assert.equal("set", copy("travelling_global", "set"))
    assert.equal("set", rawget(_G, "travelling_global"))
    rawset(_G, "travelling_global", nil)
  end)

  it("complains by name about a global that is missing there", function()
    local copy = there_and_back(function()
      return no_such_function(1)
    end)
    local ok, message = pcall(copy)
    assert.is_false(ok)
    assert.match("global 'no_such_function'", message)
  end)

  it("refers to libraries by name", function()
    local format, str, floor = string.format, string, math.floor
    local copy = there_and_back(function()
      return format, str, floor, print
    end)
    assert.same({string.format, string, math.floor, print}, {copy()})
    assert.equal(io.write, (there_and_back(io.write)))
    assert.is_true(#core.encode_trusted(copy) < 2000)
  end)

  it("refers to functions of modules by name", function()
    package.loaded["spec.answers"] = {answer = function() return 42 end, deep = {sum = math.max}}
    local answer = package.loaded["spec.answers"].answer
    assert.equal(answer, (there_and_back(answer)))
    local bytes = core.encode_trusted(answer)
    local function decode() return core.decode_trusted(bytes) end
    package.loaded["spec.answers"] = {}
    assert.has_error(decode, "spec.answers.answer is missing in this process")
    package.loaded["spec.answers"] = nil
    package.preload["spec.answers"] = function() return {answer = "required"} end
    assert.has_error(decode, "spec.answers.answer is missing in this process")
    package.preload["spec.answers"] = function() return {answer = function() return 43 end} end
    package.loaded["spec.answers"] = nil
    assert.equal(43, core.decode_trusted(bytes)())
    package.loaded["spec.answers"], package.preload["spec.answers"] = nil, nil
  end)

  it("takes along code for the script's own global functions", function()
    rawset(_G, "travelling_function", function() return "mine" end)
    local bytes = core.encode_trusted(travelling_function)
    rawset(_G, "travelling_function", nil)
    assert.equal("mine", core.decode_trusted(bytes)())
  end)

  it("travels in chains of any depth", function()
    local chain = function() return 0 end
    for _ = 1, 1000 do
      local inner = chain
      chain = function() return inner end
    end
    local copy, depth = there_and_back(chain), 0
    while type(copy) == "function" do
      copy = copy()
      depth = depth + 1
    end
    assert.equal(1001, depth)
  end)

  it("shares upvalues that were put off", function()
    local n = 0
    local function add() n = n + 1 return n end
    local deep = add
    for _ = 1, 250 do
      deep = {deep, function() n = n + 1 return n end}
    end
    local copy = there_and_back(deep)
    local first = copy[2]
    while type(copy) == "table" do copy = copy[1] end
    assert.equal(1, first())
    assert.equal(2, copy())
  end)

  describe("when it cannot", function()
    local function refusal(value)
      local ok, message = pcall(core.encode_trusted, value)
      assert.is_false(ok)
      return message
    end

    it("is refused with its path", function()
      assert.equal("hooks[1]: a function cannot leave its process",
        refusal({hooks = {coroutine.wrap(function() end)}}))
    end)

    it("is refused with the upvalue that keeps it", function()
      local thread = coroutine.create(print)
      local state = {thread = thread}
      local function f() return state end
      assert.equal("f(upvalue state).thread: a coroutine cannot leave its process", refusal({f = f}))
      assert.equal("(upvalue state).thread: a coroutine cannot leave its process", refusal(f))
    end)

    it("is refused by ends that do not trust each other", function()
      local function f() end
      assert.has_error(function() core.encode(f) end, "a function cannot leave its process")
      assert.has_error(function() core.encode(print) end, "a function cannot leave its process")
      local bytes = core.encode_trusted(f)
      assert.has_error(function() core.decode(bytes) end, "damaged message: functions are not accepted here")
      bytes = core.encode_trusted(print)
      assert.has_error(function() core.decode(bytes) end, "damaged message: functions are not accepted here")
    end)
  end)

  it("leaves no memory behind when memory runs out", function()
    if not core.testing then return end
    local a, b = 1, {}
    local function f() return a, b, unpack end
    local bytes = core.encode_trusted(f, f)
    local function starve(...)
      local n, ok, message = 0
      repeat
        ok, message = core.testing.starve(n, ...)
        assert.is_true(ok or message == "not enough memory", message)
        n = n + 1
      until ok
    end
    starve(core.encode_trusted, f, f)
    starve(core.decode_trusted, bytes)
  end)
end)
