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

  -- Peers send the code alone, and let it run over there in whatever stands for globals.
  describe("from another environment than the globals", function()
    local function within(environment, code)
      local f = assert((loadstring or load)(code, "=within", "t", environment))
      return rawget(_G, "setfenv") and setfenv(f, environment) or f
    end

    it("takes it along", function()
      local environment = {rate = 3, find = string.find}
      local copy = there_and_back(within(environment, "seen = rate; return rate, find"))
      environment.rate = 4
      assert.same({3, string.find}, {copy()})
      assert.is_nil(environment.seen)
    end)

    it("shares it with functions that travel along, and with what they hold", function()
      local environment = {}
      within(environment, "function set(x) value = x end function get() return value end")()
      environment.self = environment
      local copy, get = there_and_back(environment, environment.get)
      copy.set(5)
      assert.equal(5, get())
      assert.equal(5, copy.value)
      assert.equal(copy, copy.self)
      assert.is_nil(environment.value)
    end)

    it("takes it along where it is nested too deeply for one stretch", function()
      local environment = {rate = 3}
      local value = within(environment, "return rate")
      for _ = 1, 300 do value = {value} end
      local copy = there_and_back(value)
      for _ = 1, 300 do copy = copy[1] end
      assert.equal(3, copy())
    end)

    it("keeps one over the globals there", function()
      local environment = setmetatable({rate = 3}, {__index = _G})
      local copy = there_and_back(within(environment, "return math.floor(rate + 0.5), missing_here"))
      rawset(_G, "missing_here", 7)
      local floored, seen = copy()
      rawset(_G, "missing_here", nil)
      assert.same({3, 7}, {floored, seen})
    end)

    it("takes one with another metatable for the globals", function()
      local strict = setmetatable({}, {__index = function(_, name) return _G[name] end})
      assert.equal(math.pi, there_and_back(within(strict, "return math.pi"))())
    end)

    it("refers by name to one that is a module", function()
      assert.equal(math.pi, there_and_back(within(math, "return pi"))())
      assert.is_true(#core.encode_trusted(within(math, "return pi")) < 400)
    end)

    it("is refused with the path of what cannot travel in it", function()
      local f = within({hook = coroutine.create(print)}, "return hook")
      local _, message = pcall(core.encode_trusted, f)
      assert.equal("(upvalue _ENV).hook: a coroutine cannot leave its process", message)
    end)

    it("is sent again when something in it changed", function()
      local environment = {rate = 3}
      local f = within(environment, "return rate")
      local pool = require("parallel").Pool(1)
      assert.equal(3, pool:apply(f))
      environment.rate = 4
      assert.equal(4, pool:apply(f))
      pool:close()
    end)
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
