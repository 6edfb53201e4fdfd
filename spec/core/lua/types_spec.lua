local parallel = require("parallel")
local core = require("parallel.core")
local files = require "spec.support.files"
local raised = require("spec.support.trials").raised
local shell = require "spec.support.shell"

local function there_and_back(...)
  return core.decode(core.encode(...))
end

describe("a registered type", function()
  local Point = {}
  Point.__index = Point
  function Point:sum() return self.x + self.y end
  core.register_type("spec.Point", Point)

  local function point(x, y) return setmetatable({x = x, y = y}, Point) end

  it("gives the values their metatable back", function()
    local copy = there_and_back(point(1, 2))
    assert.equal(Point, getmetatable(copy))
    assert.equal(3, copy:sum())
  end)

  it("keeps sharing and cycles", function()
    local p = point(1, 2)
    p.self = p
    local copy = there_and_back({p, p, {p}})
    assert.is_true(rawequal(copy[1], copy[2]))
    assert.is_true(rawequal(copy[1], copy[3][1]))
    assert.is_true(rawequal(copy[1], copy[1].self))
  end)

  it("works for values of any shape and depth", function()
    local list = setmetatable({1, 2, 3, 4, x = 1}, Point)
    assert.equal(Point, getmetatable(there_and_back(list)))
    assert.equal(Point, getmetatable(there_and_back(setmetatable({}, Point))))
    local chain = point(0, 0)
    for _ = 1, 1000 do
      chain = setmetatable({next = chain, x = 1}, Point)
    end
    local copy, depth = there_and_back(chain), 0
    while copy.next do
      assert(getmetatable(copy) == Point and copy.x == 1)
      copy, depth = copy.next, depth + 1
    end
    assert.equal(1000, depth)
    assert.equal(0, copy:sum())
  end)

  it("must be known to the receiver", function()
    local Private = {}
    core.register_type("spec.A", Private)
    local bytes = core.encode(setmetatable({}, Private)):gsub("spec.A", "spec.B")
    assert.has_error(function() core.decode(bytes) end, "no type 'spec.B' is registered in this process")
  end)

  it("is the receiver's own for functions that capture its metatable", function()
    local classes = {Point = Point}
    local function make(x, y) return setmetatable({x = x, y = y}, classes.Point) end
    local function is_point(value) return getmetatable(value) == Point end
    local copies = core.decode_trusted(core.encode_trusted({make, is_point, point(1, 2)}))
    assert.equal(Point, getmetatable(copies[1](1, 2)))
    assert.is_true(copies[2](copies[3]))
  end)

  it("need not be known to run functions that capture its metatable", function()
    local Local = {}
    Local.__index = Local
    function Local:twice() return 2 * self.n end
    core.register_type("spec.Local", Local)
    local function twice(n) return setmetatable({n = n}, Local):twice() end
    local deep = function() return Local end
    for _ = 1, 60 do deep = {deep} end
    local bytes, deep_bytes = core.encode_trusted(twice), core.encode_trusted(deep)
    assert.equal(6, core.decode_trusted((bytes:gsub("spec.Local", "spec.Other")))(3))
    local inmost = core.decode_trusted(deep_bytes)
    while type(inmost) == "table" do inmost = inmost[1] end
    assert.equal(Local, inmost())
  end)

  it("leaves other metatables behind", function()
    assert.is_nil(getmetatable(there_and_back(setmetatable({}, {}))))
  end)

  describe("with dump and load", function()
    local Stack = {}
    local loads = 0
    core.register_type("spec.Stack", Stack, {
      dump = function(stack) return {items = stack.items} end,
      load = function(dumped)
        loads = loads + 1
        return setmetatable({items = dumped.items, loaded = true}, Stack)
      end,
    })
    local function stack(...) return setmetatable({items = {...}, cache = coroutine.create(print)}, Stack) end

    it("sends what dump returns, and makes the value by load", function()
      local copy = there_and_back(stack(1, 2))
      assert.same({1, 2}, copy.items)
      assert.is_true(copy.loaded)
      assert.is_nil(copy.cache)
    end)

    it("makes a value that is reached twice once", function()
      local s = stack(1)
      loads = 0
      local copy = there_and_back({s, s, {s}})
      assert.is_true(rawequal(copy[1], copy[3][1]))
      assert.equal(1, loads)
    end)

    it("loads inner values before outer ones, complete", function()
      local deep = {}
      for _ = 1, 300 do deep = {deep} end
      local copy = there_and_back({stack(stack(deep, 7))})
      local inner = copy[1].items[1]
      assert.is_true(inner.loaded)
      assert.equal(7, inner.items[2])
      local depth, at = 0, inner.items[1]
      while at[1] do depth, at = depth + 1, at[1] end
      assert.equal(300, depth)
    end)

    it("stands in tables of any depth", function()
      local deep, n = stack(7), 0
      for _ = 1, 250 do deep = {deep, stack({stack(8)})} end
      local copy = there_and_back(deep)
      while not copy.loaded do
        assert.equal(8, copy[2].items[1][1].items[1])
        copy, n = copy[1], n + 1
      end
      assert.same({250, {7}}, {n, copy.items})
    end)

    it("sends deep contents once", function()
      local deep = {}
      for _ = 1, 300 do deep = {deep} end
      local bare, within = #core.encode(deep), #core.encode(stack(deep))
      assert.is_true(within < bare + 50)
    end)

    it("tells where its values hold what cannot cross", function()
      local s = stack(coroutine.create(print))
      local function encode() core.encode({a = s}) end
      assert.has_error(encode, "a.items[1]: a coroutine cannot leave its process")
    end)

    it("refuses values that dump as themselves", function()
      local s = stack()
      s.items[1] = s
      assert.has_error(function() core.encode(s) end, "what an object's dump returns cannot hold the object")
      assert.is_true(there_and_back(true))
    end)

    it("refuses values that are nested too deeply", function()
      local s = stack()
      for _ = 1, 200 do s = stack(s) end
      local ok, message = pcall(core.encode, s)
      assert.is_false(ok)
      assert.match("nested too deeply", message)
    end)

    it("passes on errors of dump and load", function()
      local Broken = {}
      core.register_type("spec.Broken", Broken, {dump = function() error("no dump", 0) end})
      assert.has_error(function() core.encode(setmetatable({}, Broken)) end, "no dump")
      core.register_type("spec.Broken", Broken, {load = function() error("no load", 0) end})
      local bytes = core.encode(setmetatable({}, Broken))
      assert.has_error(function() core.decode(bytes) end, "no load")
    end)

    it("lets dump encode on its own", function()
      local Nested = {}
      core.register_type("spec.Nested", Nested, {
        dump = function(value) return core.encode(value.inner) end,
        load = function(bytes) return {inner = core.decode(bytes)} end,
      })
      assert.same({{inner = {1, "x"}}}, (there_and_back({setmetatable({inner = {1, "x"}}, Nested)})))
    end)

    it("does not mistake one dumped table for another", function()
      local Fleeting = {}
      core.register_type("spec.Fleeting", Fleeting, {
        dump = function(value)
          collectgarbage()
          return {value.n}
        end,
        load = function(dumped) return dumped[1] end,
      })
      local values, expected = {}, {}
      for i = 1, 50 do
        values[i], expected[i] = setmetatable({n = i}, Fleeting), i
      end
      assert.same(expected, (there_and_back(values)))
    end)

    it("cannot yield from dump", function()
      local Yielding = {}
      core.register_type("spec.Yielding", Yielding, {dump = coroutine.yield})
      local thread = coroutine.create(core.encode)
      local ok, message = coroutine.resume(thread, setmetatable({}, Yielding))
      assert.is_false(ok)
      assert.match("attempt to yield across", message)
    end)
  end)

  describe("of userdata", function()
    -- A closed file makes a userdata to which any metatable can be given.
    local function userdata(metatable)
      local file = io.tmpfile()
      file:close()
      debug.setmetatable(file, metatable)
      return file
    end

    it("needs dump and load", function()
      local Handle = {}
      core.register_type("spec.Handle", Handle, {dump = function() return 1 end})
      assert.has_error(function() core.encode({userdata(Handle)}) end,
        "[1]: a userdata whose type lacks dump or load cannot leave its process")
      core.register_type("spec.Handle", Handle, {
        dump = function() return {7} end,
        load = function(dumped) return {handle = dumped[1]} end,
      })
      local handle = userdata(Handle)
      local copy = there_and_back({handle, handle})
      assert.same({handle = 7}, copy[1])
      assert.is_true(rawequal(copy[1], copy[2]))
    end)

    it("may say by __serialize how it is made", function()
      local function make(a, b) return {a = a, b = b} end
      local handle = userdata({__serialize = function() return make, 1, {2} end})
      local copy = core.decode_trusted(core.encode_trusted({handle, handle}))
      assert.same({a = 1, b = {2}}, copy[1])
      assert.is_true(rawequal(copy[1], copy[2]))
      assert.has_error(function() core.encode(handle) end, "a userdata cannot leave its process")
    end)

    it("must not return too little from __serialize", function()
      local handle = userdata({__serialize = function() end})
      assert.has_error(function() core.encode_trusted({handle}) end,
        "[1]: a userdata whose __serialize returns no function cannot leave its process")
      handle = userdata({__serialize = function() return 1 end})
      assert.has_error(function() core.encode_trusted(handle) end,
        "a userdata whose __serialize returns no function cannot leave its process")
    end)
  end)

  it("complains about wrong arguments", function()
    assert.has_error(function() core.register_type("x", {}, {dump = 1}) end,
      "bad argument #3 to 'register_type' (field 'dump' must be a function, got number)")
    assert.has_error(function() core.register_type("x", 1) end)
    assert.has_error(function() core.register_type({}, {}) end)
  end)
end)

describe("a pool with values of a type that", function()
  local pool

  local function open(workers) pool = parallel.Pool(workers) end

  after_each(function() pool:terminate() end)

  local Odd = {}
  local function odd(trouble) return setmetatable({trouble = trouble}, Odd) end
  local function trouble_of(x) return x.trouble end
  parallel.register_type("spec.Odd", Odd, {
    dump = function(x) return x.trouble == "dump" and error("no dump", 0) or x.trouble end,
    load = function(trouble) return trouble == "load" and error("no load", 0) or odd(trouble) end,
  })

  it("cannot be made in the worker, fails the tasks that have some", function()
    open(2)
    local list = pool:map(trouble_of, {odd(1), odd("load"), odd(3), odd("dump"), odd(5)},
      {chunksize = 5, on_error = "collect"})
    assert.same({1, 3, 5}, {list[1], list[3], list[5]})
    assert.match("^task 2 failed in worker %d: no load$", tostring(list[2]))
    assert.equal("cannot send task 4: no dump", tostring(list[4]))
  end)

  it("cannot be made from a result, fails the tasks that return some", function()
    open(1)
    local function spoil(x, how)
      x.trouble = how
      return x
    end
    local list = pool:starmap(spoil, {{odd(0), 1}, {odd(0), "load"}, {odd(0), "dump"}, {odd(0), 4}},
      {chunksize = 4, on_error = "collect"})
    assert.same({1, 4}, {list[1].trouble, list[4].trouble})
    assert.equal("cannot send the result of task 2: no load", tostring(list[2]))
    assert.equal("cannot send the result of task 3: result: no dump", tostring(list[3]))
    local result = pool:submit(spoil, odd(0), "load")
    assert.equal("unsendable", raised(result.get, result).kind)
    assert.equal("args: no dump", raised(pool.broadcast, pool, type, odd("dump")).message)
  end)
end)

describe("a pool whose functions make values of a type", function()
  local Box = {}
  Box.__index = Box
  function Box.new(n) return setmetatable({n = n}, Box) end
  function Box:is_box() return getmetatable(self) == Box end
  parallel.register_type("spec.Box", Box)

  it("gets them back as such", function()
    local pool = parallel.Pool(1)
    local box, was_box = pool:apply(function(n, other) return Box.new(n), other:is_box() and getmetatable(other) == Box end,
      3, Box.new(1))
    pool:close()
    assert.same({3, true, true}, {box.n, box:is_box(), was_box})
  end)
end)

describe("a type of the library's own", function()
  it("is loaded by a process that is sent one", function()
    local path = files.write("program.lua", [[
      local parallel = require "parallel"
      local function is_loaded(name) return package.loaded[name] ~= nil end
      local pool = parallel.Pool(1)
      local condition, barrier = parallel.Condition(), parallel.Barrier(1)
      print(pool:apply(is_loaded, "parallel.sync.condition"), pool:apply(is_loaded, "parallel.sync.barrier"))
      print(pool:apply(function(c) return c:with(c.notify, c) == nil end, condition))
      print(pool:apply(function(b) return b:wait() end, barrier))
      pool:close()]])
    local result = shell.run({shell.interpreter(), path})
    assert.same({status = 0, stdout = "false\tfalse\ntrue\n1\n", stderr = ""}, result)
  end)

  it("is no way to load other modules", function()
    package.preload["spec.never"] = function() error("loaded") end
    local Known = {}
    core.register_type("spec.known", Known)
    local bytes = core.encode(setmetatable({}, Known)):gsub("spec%.known", "spec.never")
    assert.equal("no type 'spec.never' is registered in this process", raised(core.decode, bytes))
    package.preload["spec.never"] = nil
  end)
end)
