local parallel = require("parallel")
local core = require("parallel.core")
local testing = core.testing

local pool, boxes

local function box_of(text)
  local box = testing.box(100)
  box:write(0, text)
  boxes[#boxes + 1] = box
  return box
end

local function open(options)
  pool = parallel.Pool(options)
  return pool
end

local function text_of(box) return (box:read(0, 100):match("^%Z*")) end

before_each(function() boxes = {} end)

after_each(function()
  testing.fault(nil)
  if pool then pool:terminate() end
  pool = nil
  for _, box in ipairs(boxes) do box:close() end
  boxes = {}
end)

describe("a shared object in a message", function()
  it("is the object itself where it lives", function()
    local box = box_of("x")
    local bytes, parcel = core.encode_trusted({box, deep = {box}}, box)
    assert.equal(1, #parcel)
    local copy, again = core.decode_trusted(bytes, parcel)
    assert.equal(box, copy[1])
    assert.equal(box, copy.deep[1])
    assert.equal(box, again)
  end)

  it("stands in the parcel in the order of the message", function()
    local one, two = box_of("1"), box_of("2")
    local _, parcel = core.encode_trusted(two, {one, two})
    assert.same({two, one}, parcel)
  end)

  -- A process that was there before them has to attach each. A fresh one shares no faults with us.
  for name, made in pairs({
    ["a value"] = function()
      return parallel.Value("i32", 7), function(v) return v.value end, "sys.mmap:ENOMEM@*",
             "cannot attach a value: Cannot allocate memory"
    end,
    ["shared memory"] = function()
      local memory = parallel.SharedMemory({size = 8})
      memory:write(1, "contents")
      return memory, function(m) return m:read() end, "sys.fstat:EIO@*",
             "cannot look at a descriptor: Input/output error"
    end,
  }) do
    it("arrives as what it is, or is said not to: " .. name, function()
      open({workers = 1, start_method = "spawn"}):apply(math.abs, 1)
      local object, read, plan, why = made()
      boxes[1] = object
      assert.equal(read(object), pool:apply(read, object))
      assert.equal(read(object), read(pool:apply(function(one) return one end, object)))
      pool:apply(function(armed)
        collectgarbage()
        require("parallel.core").testing.fault(armed)
      end, plan)
      assert.match(why, tostring(select(2, pcall(pool.apply, pool, read, object))))
      pool:apply(function() require("parallel.core").testing.fault(nil) end)
      assert.equal(read(object), pool:apply(read, object))
    end)
  end

  it("needs no parcel when there is none", function()
    assert.equal(1, select("#", core.encode_trusted({})))
  end)

  it("is refused, with its path, where descriptors cannot go", function()
    local box = box_of("x")
    assert.has_error(function() core.encode({hooks = {box}}) end, "hooks[1]: a box cannot be sent this way")
    assert.has_error(function() core.encode(box) end, "a box cannot be sent this way")
  end)

  it("is refused when it is closed", function()
    local box = box_of("x")
    box:close()
    assert.has_error(function() core.encode_trusted({box}) end, "[1]: a box that is closed cannot leave its process")
  end)

  it("is refused when it is one of too many", function()
    local many = {}
    for i = 1, 254 do many[i] = box_of("") end
    assert.has_error(function() core.encode_trusted(many) end,
      "[254]: a box is one shared object too many: it cannot leave its process")
    many[254] = nil
    assert.equal(253, #select(2, core.encode_trusted(many)))
  end)

  it("that did not come with it is damage", function()
    local bytes, parcel = core.encode_trusted(box_of("x"))
    local damage = "damaged message: a shared object did not come with it"
    assert.has_error(function() core.decode_trusted(bytes) end, damage)
    assert.has_error(function() core.decode_trusted(bytes, {}) end, damage)
    assert.has_error(function() core.decode_trusted(bytes, {io.stdout}) end, damage)
    assert.has_error(function() core.decode(bytes) end, "damaged message: shared objects are not accepted here")
    assert.equal(parcel[1], (core.decode_trusted(bytes, parcel)))
  end)
end)

describe("a shared object in a pool", function()
  for _, workers in ipairs({2, 0}) do
    describe("of " .. workers, function()
      it("goes down with a task's arguments", function()
        local box = box_of("from the parent")
        local function swap(b)
          local text = b:read(0, 15)
          b:write(0, "from the worker")
          return text
        end
        assert.equal("from the parent", open(workers):apply(swap, box))
        assert.equal("from the worker", text_of(box))
      end)

      it("goes down in items, also many of them in one chunk", function()
        local items = {}
        for i = 1, 20 do items[i] = {box = box_of("box " .. i)} end
        local function read(item) return (item.box:read(0, 100):match("^%Z*")) end
        local texts = open(workers):map(read, items, {chunksize = 7})
        for i = 1, 20 do assert.equal("box " .. i, texts[i]) end
      end)

      it("goes down in tuples", function()
        local box = box_of("tuple")
        assert.same({"tup", "le", n = 2}, open(workers):starmap(function(b, at, n) return (b:read(at, n)) end,
          {{box, 0, 3}, {box, 3, 2}}))
      end)

      it("goes down with a function that captures it, and another with its next version", function()
        local box = box_of("first")
        local function read() return (box:read(0, 100):match("^%Z*")) end
        open(workers)
        assert.equal("first", pool:apply(read))
        box = box_of("second")
        assert.equal("second", pool:apply(read))
        assert.equal("second", pool:apply(read))
      end)

      it("comes up with a result, and is the same value each time", function()
        local made = testing
        local function make()
          local box = made.box(100)
          box:write(0, "made in a worker")
          return {box, again = box}, box
        end
        local one, again = open(workers):apply(make)
        boxes[1] = one[1]
        assert.equal("made in a worker", text_of(one[1]))
        assert.equal(one[1], one.again)
        assert.equal(one[1], again)
      end)

      it("comes back as what it was", function()
        local box = box_of("x")
        local function id(...) return ... end
        assert.equal(box, open(workers):apply(id, box))
        assert.equal(box, pool:map(id, {1, box, 3})[2])
      end)

      it("comes up among many results, in order", function()
        local box = box_of("x")
        local function give(i) return i % 3 == 0 and {i, box} or i end
        local results = open(workers):map(give, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, {chunksize = 10})
        assert.same({1, 2, {3, box}, 4, 5, {6, box}, 7, 8, {9, box}, 10, n = 10}, results)
        assert.equal(box, results[9][2])
      end)

      it("goes to all and comes from all by broadcast", function()
        local box = box_of("x")
        local results = open(workers):broadcast(function(b) return b end, box)
        assert.equal(math.max(1, workers), #results)
        for _, result in ipairs(results) do assert.equal(box, result) end
      end)
    end)
  end

  for _, method in ipairs({"template", "spawn"}) do
    it("reaches workers of start method " .. method .. " by every way", function()
      local given, captured, sent = box_of("given"), box_of("captured"), box_of("sent")
      open({workers = 1, retries = 1, start_method = method, initargs = {given, n = 1},
            initializer = function(box) _G.given_box = box end})
      local function read(box)
        return _G.given_box:read(0, 5) .. captured:read(0, 8) .. box:read(0, 4)
      end
      assert.equal("givencapturedsent", pool:apply(read, sent))
      testing.fault("item.begin:killchild@1")
      assert.equal("givencapturedsent", pool:apply(read, sent)) -- in the replacement
      assert.equal(sent, pool:apply(function(box) return box end, sent))
    end)
  end

  it("that a worker inherited is the same value there when it is sent", function()
    local box = box_of("x")
    _G.inherited_box = box
    local function same(sent) return sent == _G.inherited_box end -- luacheck: ignore
    local is_same = open(1):apply(same, box)
    _G.inherited_box = nil
    assert.is_true(is_same)
  end)

  it("is good in a worker that inherited it, and in one that its worker forks", function()
    local box = box_of("")
    _G.inherited_box = box
    local function write_below()
      local inner = require("parallel").Pool(1)
      inner:apply(function() _G.inherited_box:write(0, "two down") end)
      inner:close()
    end
    open(1):apply(write_below)
    _G.inherited_box = nil
    assert.equal("two down", text_of(box))
  end)

  it("reaches the worker that comes after a death, with arguments and with functions", function()
    local box = box_of("x")
    local tries = box_of("")
    local function read(b)
      local tried = tries:read(0, 1)
      tries:write(0, "y")
      if tried ~= "y" then testing.kill(testing.getpid(), "KILL") end
      return b:read(0, 1) .. box:read(0, 1)
    end
    open({workers = 1, retries = 1})
    assert.equal("xx", pool:apply(read, box))
  end)

  it("stays with a task that waits, whatever becomes of it here", function()
    local box = box_of("waiting")
    open(1)
    local result = pool:submit(function(b) return (b:read(0, 7)) end, box)
    box:close()
    assert.equal("waiting", result:get())
  end)

  it("that was closed before its turn fails its own task", function()
    open(1)
    local function id(b) return b and b:read(0, 1) end
    local results = {}
    for i = 1, 10 do results[i] = pool:submit(id, box_of("x")) end
    local last = boxes[10]
    last:close()
    for i = 1, 9 do assert.equal("x", results[i]:get()) end
    assert.error_matches(function() results[10]:get() end, "cannot send task 10: .*a box that is closed cannot be sent")
  end)

  it("leaves no descriptor open in a worker that did not take it", function()
    local box = box_of("x")
    local function count()
      local n = 0
      for _ in require("lfs").dir("/proc/self/fd") do n = n + 1 end
      return n
    end
    open(1)
    local before = pool:apply(count)
    for _ = 1, 5 do pool:apply(function(_) collectgarbage() end, box) end
    assert.equal(before, pool:apply(count))
  end)

  for _, plan in ipairs({
    "sys.recvmsg:short@*,sys.sendmsg:short@*", "sys.sendmsg:EINTR@2,sys.recvmsg:EINTR@3",
    "sys.sendmsg:ETOOMANYREFS@2", "sys.sendmsg:ENOBUFS@1", "channel.received:killchild@2", "channel.sent:killchild@2",
    "part.begin:killchild@1", "part.sent:killchild@1", "result.begin:killchild@2",
  }) do
    it("arrives whole or not at all with " .. plan, function()
      local box = box_of("x")
      open({workers = 1, retries = 3})
      testing.fault(plan)
      local function id(b) return b, {b} end
      for _ = 1, 3 do
        local one, two = pool:apply(id, box)
        assert.equal(box, one)
        assert.equal(box, two[1])
      end
    end)
  end

  it("fails its task alone when the worker may open no more", function()
    local box = box_of("x")
    open({workers = 1})
    pool:apply(function() testing.limit_descriptors(3) end)
    assert.error_matches(function() pool:apply(function(b) return b:read(0, 1) end, box) end,
      "a shared object was lost: this process may open no more files")
    pool:apply(function() testing.limit_descriptors() end)
    assert.equal("x", pool:apply(function(b) return b:read(0, 1) end, box))
  end)

  it("in a result fails its task alone when we may open no more", function()
    local box = box_of("x")
    open(1)
    local result = pool:submit(function(b) return b end, box)
    testing.limit_descriptors(3)
    local ok, why = pcall(result.get, result)
    testing.limit_descriptors()
    assert.is_false(ok)
    assert.match("a shared object was lost", tostring(why))
    assert.equal(box, pool:apply(function(b) return b end, box))
  end)

  it("fails its task alone when we may open no more", function()
    local box = box_of("x")
    open(1)
    pool:apply(function() end)
    testing.fault("sys.fcntl:EMFILE@1")
    assert.error_matches(function() pool:apply(function(b) return b:read(0, 1) end, box) end, "Too many open files")
    assert.equal("x", pool:apply(function(b) return b:read(0, 1) end, box))
  end)
end)
