require("parallel")
local core = require("parallel.core")

local unpack = table.unpack or unpack
local math_type = math.type or type

local function there_and_back(...)
  return core.decode(core.encode(...))
end

-- Fails unless b is a faithful copy of a: the same types and numbers, and the
-- same tables shared in the same places.
local function assert_copy(a, b, known)
  known = known or {}
  if type(a) ~= "table" then
    assert.equal(math_type(a), math_type(b))
    assert.is_true(rawequal(a, b) or (a ~= a and b ~= b))
    if a == 0 then assert.equal(1 / a, 1 / b) end
    return
  end
  assert.equal("table", type(b))
  if known[a] then
    assert.is_true(rawequal(known[a], b))
    return
  end
  known[a] = b
  local count = 0
  for key, value in next, a do
    count = count + 1
    if type(key) ~= "table" then assert_copy(value, rawget(b, key), known) end
  end
  for _ in next, b do
    count = count - 1
  end
  assert.equal(0, count)
end

local function assert_crosses(value)
  assert_copy(value, (there_and_back(value)))
end

describe("codec", function()
  describe("of scalars", function()
    it("keeps any number of values, and nils among them", function()
      assert.equal(0, select("#", there_and_back()))
      assert.equal(3, select("#", there_and_back(nil, nil, nil)))
      assert.same({n = 4, nil, 1, nil, nil}, {n = select("#", there_and_back(nil, 1, nil, nil)), nil, 1})
      assert.same({nil, 1}, {there_and_back(nil, 1)})
    end)

    it("keeps booleans", function()
      assert.is_true(there_and_back(true))
      assert.is_false(there_and_back(false))
    end)

    it("keeps integers of every size", function()
      local n = 1
      for _ = 1, 53 do
        for _, near in ipairs({n - 1, n, n + 1, -n - 1, -n, 1 - n}) do
          assert_crosses(near)
        end
        n = n * 2
      end
      assert_crosses(math.maxinteger or 2 ^ 53)
      assert_crosses(math.mininteger or -2 ^ 53)
    end)

    it("keeps floats, and those that look like integers", function()
      for _, n in ipairs({0.5, -1.25, 1e308, 5e-324, 2 ^ 53, 2 ^ 63, -2 ^ 63, 1e15, 3.0, 1 / 0, -1 / 0}) do
        assert_crosses(n)
      end
    end)

    it("keeps the sign of zero", function()
      assert.equal(-1 / 0, 1 / there_and_back(-0.0))
      assert.equal(1 / 0, 1 / there_and_back(0.0))
    end)

    it("keeps NaN", function()
      local nan = there_and_back(0 / 0)
      assert.is_true(nan ~= nan)
    end)

    it("keeps strings with any byte and of any length", function()
      local bytes = {}
      for byte = 0, 255 do
        bytes[#bytes + 1] = string.char(byte)
      end
      for _, size in ipairs({0, 1, 3, 4, 31, 32, 40, 41, 127, 128, 255, 256}) do
        assert_crosses(table.concat(bytes, "", 1, size))
      end
      assert_crosses(("x"):rep(1000000))
    end)

    it("sends small integers and short strings in few bytes", function()
      local empty = #core.encode()
      assert.equal(1, #core.encode(7) - empty)
      assert.equal(4, #core.encode("abc") - empty)
    end)
  end)

  describe("of tables", function()
    it("keeps lists, records and both in one", function()
      assert_crosses({})
      assert_crosses({1, "two", {3}})
      assert_crosses({id = 1, name = "ada", tags = {"x"}})
      assert_crosses({1, 2, n = 2})
      assert_crosses({[1.5] = true, [true] = false, [-1] = "a", [2 ^ 40] = "b"})
    end)

    it("keeps holes", function()
      assert_crosses({1, nil, 3})
      assert_crosses({nil, nil, 3, 4, nil, 6, x = 1})
      assert_crosses({[3] = 3, [1000000] = 1})
    end)

    it("keeps lists that were filled backwards", function()
      for size = 1, 40 do
        local list = {x = true}
        for i = size, 1, -1 do
          list[i] = {i}
        end
        assert_crosses(list)
      end
    end)

    it("keeps lists of numbers, and others that begin as such", function()
      for _, last in ipairs({5, -129, 40000, 2 ^ 40, 0.25, "x", {}}) do
        assert_crosses({1, 2, 3, 4, last})
        assert_crosses({1, 2, 3, 4, last, n = 5})
        assert_crosses({0.5, 1.5, 2.5, 3.5, last})
        assert_crosses({0.5, 1.5, 2.5, 3.5, last, [0] = 1})
        assert_crosses({1, 2, nil, 4, last})
      end
      assert_crosses({-128, 127, 0, 1})
      assert_crosses({-32768, 32767, 0, 1})
      assert_crosses({-2147483648, 2147483647, 0, 1})
      assert_crosses({0.5, -0.0, 0.5, 0.5})
    end)

    it("sends lists of numbers as blocks", function()
      local integers, floats = {}, {}
      for i = 1, 1000 do
        integers[i] = i % 100
        floats[i] = i + 0.5
      end
      assert.is_true(#core.encode(integers) < 1010)
      assert.is_true(#core.encode(floats) < 8010)
    end)

    it("keeps wide tables", function()
      local wide = {}
      for i = 1, 1000 do
        wide["key" .. i] = i
      end
      assert_crosses(wide)
    end)

    it("keeps records of many shapes", function()
      local records = {}
      for i = 1, 300 do
        records[i] = {id = i, ["field" .. i % 100] = "x", nested = {id = i}}
      end
      assert_crosses(records)
    end)

    it("keeps records within a record of the same shape", function()
      assert_crosses({name = "a", child = {name = "b", child = {name = "c", child = false}}})
    end)

    it("sends the keys of records of one shape once", function()
      local function record()
        return {identifier = 1, description = 2}
      end
      local one, two = #core.encode({record()}), #core.encode({record(), record()})
      assert.is_true(two - one <= 4)
    end)

    it("sends a string once", function()
      local text = ("long enough to matter"):rep(3)
      assert.is_true(#core.encode(text, text, text) < #text + 20)
      assert.same({text, text}, {there_and_back(text, text)})
    end)

    it("keeps tables that are reached twice", function()
      local shared = {}
      local copy = there_and_back({shared, {shared}, x = shared})
      assert.is_true(rawequal(copy[1], copy[2][1]))
      assert.is_true(rawequal(copy[1], copy.x))
    end)

    it("keeps sharing between values", function()
      local shared = {1}
      local a, b = there_and_back(shared, {shared})
      assert.is_true(rawequal(a, b[1]))
    end)

    it("keeps cycles", function()
      local cycle = {1, 2, {x = {}}}
      cycle[3].x.back = cycle
      cycle.self = cycle
      assert_crosses(cycle)
    end)

    it("keeps tables as keys", function()
      local key = {"key"}
      local copy = there_and_back({[key] = 1, key = key})
      assert.equal(1, copy[copy.key])
      local selfish = {}
      selfish[selfish] = selfish
      copy = there_and_back(selfish)
      assert.is_true(rawequal(copy, copy[copy]))
    end)

    it("keeps chains of any depth", function()
      local chain = {}
      local last = chain
      for i = 1, 200000 do
        last.next = {i}
        last = last.next
      end
      last.first = chain
      local copy = there_and_back(chain)
      local first, count = copy, 0
      while copy.next do
        copy = copy.next
        count = count + 1
        assert(copy[1] == count)
      end
      assert.equal(200000, count)
      assert.is_true(rawequal(first, copy.first))
    end)

    it("keeps deep trees, and deep keys", function()
      local function tree(depth)
        return depth > 0 and {tree(depth - 1), depth} or {}
      end
      for depth = 95, 105 do
        assert_crosses(tree(depth))
      end
      local key = {}
      for _ = 1, 300 do
        key = {[key] = "deep"}
      end
      local copy, depth = there_and_back(key), 0
      while next(copy) do
        assert.equal("deep", select(2, next(copy)))
        copy = next(copy)
        depth = depth + 1
      end
      assert.equal(300, depth)
    end)

    it("runs no metamethods", function()
      local function trap()
        error("a metamethod ran")
      end
      local trapped = setmetatable({1, x = 2}, {
        __index = trap,
        __newindex = trap,
        __pairs = trap,
        __len = trap,
        __eq = trap,
      })
      assert.same({1, x = 2}, (there_and_back(trapped)))
    end)
  end)

  describe("given what cannot cross", function()
    local function refusal(...)
      local ok, message = pcall(core.encode, ...)
      assert.is_false(ok)
      return message
    end
    local function thing() end
    local thread = coroutine.create(thing)

    it("says what it is", function()
      assert.equal("a coroutine cannot leave its process", refusal(thread))
      assert.equal("an open file cannot leave its process", refusal(io.stdout))
      assert.equal("a function cannot leave its process", refusal(thing))
      assert.equal("a userdata cannot leave its process", refusal(core.calls()))
    end)

    it("says where it is", function()
      assert.equal("hooks[1]: a coroutine cannot leave its process", refusal({hooks = {thread}}))
      for path, key in pairs({
        ["_x9"] = "_x9", ['["9x"]'] = "9x", ['[""]'] = "", ["[false]"] = false, ["[true]"] = true, ["[2.5]"] = 2.5,
        ['["a\\"\\\\b\\010\\127"]'] = "a\"\\b\n\127", ["[table]"] = {},
        ['["' .. ("k"):rep(40) .. '..."]'] = ("k"):rep(41),
      }) do assert.equal(path .. ": a coroutine cannot leave its process", refusal({[key] = thread})) end
      assert.match('^%["odd key"%]%.x: ', refusal({["odd key"] = {x = thread}}))
      assert.match('^%["end"%]: ', refusal({["end"] = thread}))
      assert.match('^%["a\\"\\000\\010"%]: ', refusal({['a"\0\n'] = thread}))
      assert.match("^%[1%.5%]: ", refusal({[1.5] = thread}))
      assert.match("^%[true%]: ", refusal({[true] = thread}))
      assert.match("^%[%-3%]%[table%]: ", refusal({[-3] = {[{}] = thread}}))
      assert.match("^%(key%): ", refusal({[thread] = 1}))
      assert.match("^x%(key%)%[1%]: ", refusal({x = {[{thread}] = 1}}))
    end)

    it("tells the values of a call apart", function()
      assert.equal("[2].x: a coroutine cannot leave its process", refusal(1, {x = thread}))
      assert.equal("[2]: a coroutine cannot leave its process", refusal(1, thread))
    end)

    it("shows the end of a very long path", function()
      local chain = {}
      local last = chain
      for _ = 1, 1000 do
        last.next = {}
        last = last.next
      end
      last.hook = thread
      local message = refusal(chain)
      assert.match("^%.%.%.next%.next%..*%.next%.hook: a coroutine", message)
      assert.is_true(#message < 200)
    end)

    it("leaves nothing of it in the buffer", function()
      if not core.testing then return end
      local bytes, ok = core.testing.encode_after("before", {1, 2, {thread}})
      assert.is_false(ok)
      assert.equal("before", bytes)
      bytes, ok = core.testing.encode_after("before", {1, "some string", "some string"})
      assert.is_true(ok)
      assert.same({1, "some string", "some string"}, (core.decode(bytes:sub(#"before" + 1))))
    end)

    it("can encode again", function()
      refusal({1, {thread}})
      assert_crosses({1, {2}})
    end)
  end)

  describe("given random values", function()
    -- Park and Miller's generator: the same values on every machine and Lua.
    local seed
    local function random(n)
      seed = seed * 16807 % 2147483647
      return seed % n
    end

    local value
    local leaves = {
      function() return random(2) == 0 end,
      function() return random(300) - 150 end,
      function() return (random(2147483647) - 1073741823) * (random(1000) + 1) end,
      function() return random(1000000) / 64 end,
      function() return string.char(97 + random(26)):rep(random(50)) end,
      function() return "key" .. random(10) end,
    }
    local nodes = {
      function(depth, all)
        local list = {}
        for i = 1, random(8) do
          list[i] = value(depth - 1, all)
        end
        return list
      end,
      function(depth, all)
        local record = {}
        for _ = 1, random(6) do
          record["field" .. random(6)] = value(depth - 1, all)
        end
        return record
      end,
      function(depth, all)
        local mixed = {}
        for _ = 1, random(10) do
          mixed[leaves[1 + random(#leaves)]()] = value(depth - 1, all)
        end
        return mixed
      end,
      function()
        local numbers, leaf = {}, leaves[2 + random(3)]
        for i = 1, random(20) do
          numbers[i] = leaf()
        end
        return numbers
      end,
    }
    function value(depth, all)
      if depth == 0 or random(3) == 0 then return leaves[1 + random(#leaves)]() end
      if #all > 0 and random(10) == 0 then return all[1 + random(#all)] end
      local node = nodes[1 + random(#nodes)](depth, all)
      all[#all + 1] = node
      if random(20) == 0 then node.self = node end
      return node
    end

    it("keeps them all", function()
      for i = 1, 1000 do
        seed = i
        assert_crosses(value(5, {}))
      end
    end)
  end)

  describe("given damaged bytes", function()
    local shared = {1, 2, 3}
    local cycle = {name = "cycle"}
    cycle.self = cycle
    local deep = {}
    for _ = 1, 110 do
      deep = {deep, n = 1}
    end
    local messages = {
      core.encode(),
      core.encode(nil, true, 1, -70000, 2.5, "short", ("long"):rep(20)),
      core.encode({1, 2, 3, 4, 5}, {0.5, 1.5, 2.5, 3.5}, {70000, 1, 2, 3, x = 1}),
      core.encode({shared, shared, {[shared] = cycle}}, cycle, "same string", "same string"),
      core.encode({{id = 1, name = "a"}, {id = 2, name = "b"}, {id = 3, name = {}}, {1, nil, 3}}),
      core.encode({[1.5] = true, [false] = {x = 1, [2] = 2}, x = {y = {z = {}}}}),
      core.encode(deep),
    }

    local function assert_harmless(bytes)
      local ok, message = pcall(core.decode, bytes)
      if not ok and not message:match("^no type '.*' is registered in this process$") then
        assert.match("^damaged message: ", message)
      end
      return ok
    end

    it("refuses every message that is cut short", function()
      for _, message in ipairs(messages) do
        for size = 0, #message - 1 do
          assert.is_false(assert_harmless(message:sub(1, size)))
        end
      end
    end)

    it("refuses what follows a message", function()
      assert.is_false(assert_harmless(core.encode(1) .. "\0"))
    end)

    it("refuses, or takes for another value, a message with one bit flipped", function()
      for _, message in ipairs(messages) do
        for at = 1, #message do
          local byte = message:byte(at)
          for bit = 0, 7 do
            local mask = 2 ^ bit
            local flipped = byte % (2 * mask) >= mask and byte - mask or byte + mask
            assert_harmless(message:sub(1, at - 1) .. string.char(flipped) .. message:sub(at + 1))
          end
        end
      end
    end)

    it("survives random bytes", function()
      local seed = 1
      for _ = 1, 20000 do
        local bytes = {}
        for i = 1, 1 + seed % 24 do
          seed = seed * 16807 % 2147483647
          -- small bytes are tags, and more likely to get far
          bytes[i] = string.char(seed % 3 == 0 and seed % 256 or seed % 24)
        end
        assert_harmless(table.concat(bytes))
      end
    end)

    it("allocates no more than the bytes justify", function()
      local LIST, COUNT = "\10", "\255\255\255\127"
      assert.is_false(assert_harmless("\1" .. LIST .. COUNT .. ("\0"):rep(100)))
      -- lists in lists, each claiming all the bytes that its elder claimed
      collectgarbage()
      local before = collectgarbage("count")
      assert.is_false(assert_harmless("\1" .. (LIST .. "\160\141\6"):rep(90) .. ("\0"):rep(100000)))
      assert.is_true(collectgarbage("count") - before < 3000)
    end)

    it("refuses nil and NaN as keys", function()
      local MAP, NIL, NAN = "\9\1\0\0\0", "\0", "\5\0\0\0\0\0\0\248\127"
      local function with_key(key)
        return function() core.decode("\1" .. MAP .. key .. "\1\0") end
      end
      assert.has_error(with_key(NIL), "damaged message: a key is nil")
      assert.has_error(with_key(NAN), "damaged message: a key is not a number")
    end)

    it("refuses nesting that no encoder makes", function()
      assert.has_error(function() core.decode("\1" .. ("\10\1"):rep(101) .. "\0\0") end,
        "damaged message: values are nested too deeply")
    end)

    it("refuses names within names, however many", function()
      local TYPED, LIBRARY = "\25", "\19"
      assert.has_error(function() core.decode("\1" .. TYPED:rep(1000000)) end,
        "damaged message: a type's name is not a string")
      assert.has_error(function() core.decode_trusted("\1" .. LIBRARY:rep(1000000)) end,
        "damaged message: a library's name is not a string")
    end)
  end)

  describe("without memory", function()
    local value = {{id = 1, name = "ada"}, {id = 2, name = "bob"}, {0.5, 1.5, 2.5, 3.5}, x = {[{}] = 1}}
    for i = 1, 300 do
      value[i + 3] = {("text "):rep(20) .. i}
    end
    local testing = core.testing
    if not testing then return end

    it("fails cleanly at every allocation of its own", function()
      local n, ok, message = 0, false
      while not ok do
        n = n + 1
        testing.fault("sys.realloc:ENOMEM@" .. n)
        ok, message = pcall(core.encode, value)
        testing.fault()
        assert.is_true(ok or message == "not enough memory")
        assert.is_true(n < 100)
      end
      assert.is_true(n > 2)
      assert_crosses(value)
    end)

    local function starve(f, ...)
      local n, ok, message = 0
      repeat
        ok, message = testing.starve(n, f, ...)
        assert.is_true(ok or message == "not enough memory", message)
        n = n + 1
      until ok
      assert.is_true(n > 2)
    end

    it("fails cleanly at every allocation of Lua's", function()
      starve(core.encode, value)
      starve(core.decode, core.encode(value))
      assert_crosses(value)
    end)
  end)

  it("gives the same results however often it is used", function()
    for _ = 1, 100 do
      assert_crosses({a = {1}, b = {"some string", "some string"}})
    end
    assert.same({1, {2, unpack({3, 4})}}, there_and_back({1, {2, 3, 4}}))
  end)
end)
