local parallel = require "parallel"
local child = require "spec.support.child"
local core = require "parallel.core"
local files = require "spec.support.files"
local testing = require("parallel.core").testing
local raised = require("spec.support.trials").raised

local SOON = 20

local manager

before_each(function() manager = assert(parallel.Manager()) end)

after_each(function()
  if manager then manager:close() end
  manager = nil
  collectgarbage()
end)

-- A process that does one thing and then stays until it is killed.
local function stayer(f)
  local done = manager:event()
  local process = parallel.Process(function()
    f()
    done:set()
    parallel.Event():wait()
  end)
  process:start()
  assert.is_true(done:wait(SOON))
  return process
end

local function run(f, ...)
  local process = parallel.Process(f, ...)
  process:start()
  return process
end

local function finish(process)
  assert.is_true(process:join(SOON))
  assert.equal(0, process.exitcode)
  process:close()
end

local function kill(process)
  process:kill()
  process:join()
  process:close()
end

-- Until it is so, which another process sees to.
local function await(is_so)
  local deadline = core.clock() + SOON
  while not is_so() do assert.is_true(core.clock() < deadline) end
end

describe("a manager's dict", function()
  it("has values by keys of any type", function()
    local dict = manager:dict{ a = 1, [2] = {3} }
    dict.b, dict[true] = "x", false
    assert.same({1, {3}, "x", false}, {dict.a, dict[2], dict.b, dict[true]})
    assert.is_nil(dict.missing)
    assert.equal(4, dict:count())
    dict.a, dict.none = nil, nil
    assert.equal(3, dict:count())
    assert.same({[2] = {3}, b = "x", [true] = false}, dict:to_table())
  end)

  it("hands out pairs, also of what is named as a method", function()
    local dict = manager:dict{ pairs = 1, count = 2 }
    local seen = {}
    for k, v in dict:pairs() do seen[k] = v end
    assert.same({pairs = 1, count = 2}, seen)
    assert.equal(1, dict:get("pairs"))
    assert.equal(2, dict:call("get", "count"))
  end)

  it("pops, sets by default, merges and clears", function()
    local dict = manager:dict()
    assert.equal(1, dict:setdefault("a", 1))
    assert.equal(1, dict:setdefault("a", 2))
    dict:merge({b = 2})
    assert.equal(2, dict:pop("b"))
    assert.equal("none", dict:pop("b", "none"))
    dict:clear()
    assert.equal(0, dict:count())
  end)

  it("lists its keys and values", function()
    local dict = manager:dict{ a = 1, b = 2 }
    local keys, values = dict:items()
    local pairs_of_it = {}
    for i, k in ipairs(keys) do pairs_of_it[k] = values[i] end
    assert.same({a = 1, b = 2}, pairs_of_it)
    assert.same({keys, values}, {dict:keys(), dict:values()})
  end)

  if _VERSION ~= "Lua 5.1" then
    it("has a length, and pairs, as Lua 5.4 asks for them", function()
      local dict, seen = manager:dict{ a = 1, b = 2 }, {}
      for k, value in pairs(dict) do seen[k] = value end
      assert.same({a = 1, b = 2}, seen)
      assert.equal(2, #dict)
      assert.equal(3, #manager:list{ 1, 2, 3 })
      manager:publish("dict", dict)
      assert.equal(manager:count(), #manager)
    end)
  end

  it("is updated in one step, whoever else does", function()
    local dict = manager:dict{ n = 0 }
    local processes = {}
    for i = 1, 3 do
      processes[i] = run(function()
        for _ = 1, 50 do dict:update("n", function(n) return n + 1 end) end
      end)
    end
    for _, process in ipairs(processes) do finish(process) end
    assert.equal(150, dict.n)
  end)

  it("gives update what it is called with, and what it captures", function()
    local dict, more = manager:dict{ list = {} }, 10
    assert.equal(13, dict:update("n", function(n, a) return (n or 1) + a + more end, 2))
    assert.is_nil(dict:update("list", function(list) list[1] = "changed in its place" end))
    assert.same({"changed in its place"}, dict.list)
    dict:update("n", function() return nil end)
    assert.is_nil(dict.n)
  end)

  it("keeps what it had when update raises, at the user's line", function()
    local dict, problem = manager:dict{ n = 1 }, {"kept"}
    assert.match("manager_spec.lua:%d+: no luck", raised(dict.update, dict, "n", function() error("no luck") end))
    assert.same(problem, raised(dict.update, dict, "n", function() error(problem) end))
    assert.equal(1, dict.n)
  end)

  it("refuses at the caller's line", function()
    local dict = manager:dict()
    assert.match("manager_spec.lua:%d+: a key cannot be NaN", raised(function() dict[0 / 0] = 1 end))
    assert.match("manager_spec.lua:%d+: cannot send: args%[2%]%.x: a coroutine",
      raised(function() dict.k = {x = coroutine.create(print)} end))
    assert.match("manager_spec.lua:%d+: bad argument #2 to 'update'", raised(function() dict:update("k", 1) end))
    assert.match("manager_spec.lua:%d+: dict has no method 'none'", raised(function() dict:call("none") end))
    dict.k = 1
    assert.equal(1, dict.k)
  end)

  it("refuses a result that cannot be sent, and goes on", function()
    local dict = manager:dict()
    assert.match("manager_spec.lua:%d+: cannot send the result: a coroutine cannot leave its process",
      raised(function() dict:update("k", function() return coroutine.create(print) end) end))
    assert.equal(1, dict:count())
    dict.k = 1
    assert.equal(1, dict.k)
  end)
end)

describe("a manager's list", function()
  it("is a list", function()
    local list = manager:list{ 1, 2 }
    list:append(3)
    list[4] = 4
    list:insert(1, 0)
    assert.same({0, 1, 2, 3, 4}, list:to_table())
    assert.same({4, 0}, {list:remove(), list:remove(1)})
    list:extend({9, 5})
    list:sort(function(a, b) return a > b end)
    list:reverse()
    assert.same({1, 2, 3, 5, 9}, list:to_table())
    assert.same({2, 3}, list:slice(2, 3))
    assert.equal(5, list:count())
    assert.equal(4, list:index(5))
    list[5] = nil
    assert.equal(50, list:update(4, function(v) return v * 10 end))
    local sum = 0
    for i, v in list:pairs() do sum = sum + i * v end
    assert.equal(1 + 4 + 9 + 200, sum)
    list:clear()
    assert.is_nil(list:pop())
  end)

  it("is inserted into as a table is", function()
    local list = manager:list()
    list:insert("b")
    list:insert(1, "a")
    list:insert(3, "c")
    assert.same({"a", "b", "c"}, list:to_table())
    assert.match("there is no place 5 in a list of 3", raised(function() list:insert(5, "e") end))
    assert.match("a list cannot hold nil", raised(function() list:insert(nil) end))
    assert.match("a list cannot hold nil", raised(function() list:insert(1, nil) end))
    assert.match("there is no place x in a list of 3", raised(function() list:insert("x", "y") end))
  end)

  it("has no holes", function()
    local list = manager:list{ 1, 2 }
    assert.match("there is no place 4 in a list of 2", raised(function() list[4] = 1 end))
    assert.match("a list cannot hold nil", raised(function() list[1] = nil end))
    assert.match("a list cannot hold nil", raised(function() list:append(nil) end))
    assert.is_nil(list[3])
  end)
end)

describe("a manager's namespace", function()
  it("has a field for each name", function()
    local space = manager:namespace{ count = 1 }
    space.get, space.x = 2, 3
    assert.same({1, 2, 3}, {space.count, space.get, space.x})
    space:update("x", function(x) return x + 1 end)
    assert.equal(4, space.x)
  end)
end)

describe("a manager's value", function()
  it("is of any type, or of one", function()
    local value = manager:value("text")
    assert.equal("text", value.value)
    value.value = 2
    assert.equal(5, value:add(3))
    assert.equal(10, value:update(function(v) return v * 2 end))
    local byte = manager:value("u8", 255)
    assert.equal(0, byte:add(1))
    assert.is_true(byte:compare_and_set(0, 7))
    assert.is_false(byte:compare_and_set(0, 8))
    assert.match("manager_spec.lua:%d+: ", raised(function() byte.value = 256 end))
    assert.equal(7, byte.value)
  end)

  it("is in an array one of many", function()
    local array = manager:array("i32", {1, 2, 3})
    array[2] = 20
    assert.same({1, 20, 3}, array:to_table())
    assert.same({20, 24, 3}, {array[2], array:sum(), array:count()})
    assert.match("manager_spec.lua:%d+: ", raised(function() array[4] = 1 end))
    array:set(2, {8, 9})
    assert.same({1, 9, {8, 9}, {1, 8}}, {array:min(), array:max(), array:get(2, 2), array:get(1, 2)})
    array:fill(0)
    assert.equal(("\0"):rep(12), array:to_string())
    local places = {}
    for i, value in array:pairs() do places[i] = value end
    assert.same({0, 0, 0}, places)
  end)
end)

describe("a manager's queue", function()
  it("hands out what was put, and waits for it", function()
    local queue, answers = manager:queue(), manager:queue()
    local process = run(function()
      for item in function() return (queue:get()) end do answers:put(item * 2) end
    end)
    for i = 1, 20 do queue:put(i) end
    for i = 1, 20 do assert.equal(i * 2, answers:get(SOON)) end
    queue:close()
    finish(process)
    assert.same({nil, "closed"}, {queue:get()})
    assert.match("attempt to use a closed queue", raised(queue.put, queue, 1))
  end)

  it("is full with so many items", function()
    local queue = manager:queue(1)
    assert.same({true, 0}, {queue:empty(), queue:qsize()})
    assert.is_true(queue:put(false))
    assert.same({false, 1, true}, {queue:empty(), queue:qsize(), queue:full()})
    assert.same({nil, "timeout", "full"}, {queue:put_nowait(2)})
    assert.same({nil, "timeout", "full"}, {queue:put(2, 0)})
    assert.same({nil, "timeout", "full"}, {queue:put(2, 0.001)})
    local process = run(function() queue:put("behind") end)
    assert.is_false(queue:get())
    assert.equal("behind", queue:get(SOON))
    finish(process)
    assert.same({nil, "timeout"}, {queue:get(0.001)})
    assert.same({nil, "timeout"}, {queue:get_nowait()})
    assert.match("cannot send nil", raised(queue.put, queue, nil))
  end)

  it("tells when all is done", function()
    local queue = manager:joinable_queue()
    queue:put(1)
    queue:get()
    assert.same({nil, "timeout"}, {queue:join(0)})
    local process = run(function() assert(queue:join(SOON)) end)
    queue:task_done()
    finish(process)
    assert.match("more often", raised(queue.task_done, queue))
  end)

  it("forgets who died while waiting", function()
    local queue, waits = manager:queue(), manager:event()
    local process = run(function()
      waits:set()
      queue:get()
    end)
    assert.is_true(waits:wait(SOON))
    kill(process)
    queue:put("for the living")
    -- Whether the death or the item was seen first, at most the first item went with the dead.
    queue:put("too")
    local got = queue:get(SOON)
    assert.is_true(got == "for the living" or got == "too")
  end)
end)

for _, kind in ipairs({"lock", "rlock"}) do
  describe("a manager's " .. kind, function()
    it("is had by one process at a time, and nobody else waits meanwhile", function()
      local lock, dict = manager[kind](manager), manager:dict()
      lock:acquire()
      local process = run(function()
        assert(lock:acquire(0) == false)
        assert(lock:acquire(0.001) == false)
        dict.waits = true
        assert(lock:acquire(SOON))
        lock:release()
      end)
      await(function() return dict.waits end)
      assert.is_true(lock:is_held())
      lock:release()
      finish(process)
      assert.match("manager_spec.lua:%d+: attempt to release a lock that this process does not hold",
        raised(function() lock:release() end))
    end)

    it("is abandoned by a holder that dies, once", function()
      local lock = manager[kind](manager)
      local holder = stayer(function() lock:acquire() end)
      assert.is_false(lock:acquire(0))
      kill(holder)
      assert.same({true, "abandoned"}, {lock:acquire(SOON)})
      lock:release()
      assert.same({true}, {lock:acquire(SOON)})
      lock:release()
    end)

    it("goes to who waits when its holder dies", function()
      local lock, result = manager[kind](manager), manager:queue()
      local holder = stayer(function() lock:acquire() end)
      local waiting = run(function() result:put({lock:acquire(SOON)}) end)
      kill(holder)
      assert.same({true, "abandoned"}, result:get(SOON))
      finish(waiting)
    end)

    it("has guards and `with`", function()
      local lock = manager[kind](manager)
      assert.same({1, 2}, {lock:with(function(...) return ... end, 1, 2)})
      local guard = lock:guard()
      assert.is_true(lock:is_held())
      guard:close()
      assert.is_false(lock:is_held())
    end)
  end)
end

describe("a manager's rlock", function()
  it("is released as often as it was acquired", function()
    local lock = manager:rlock()
    lock:acquire()
    lock:acquire()
    lock:release()
    assert.is_true(lock:is_held())
    lock:release()
    assert.is_false(lock:is_held())
  end)
end)

describe("a manager's semaphore", function()
  it("has units that belong to nobody", function()
    local semaphore = manager:semaphore(1)
    assert.is_true(semaphore:acquire())
    assert.is_false(semaphore:acquire(0))
    finish(run(function() semaphore:release() end))
    assert.equal(1, semaphore:value())
    local bounded = manager:bounded_semaphore(1)
    assert.match("attempt to release a semaphore too often", raised(bounded.release, bounded))
    assert.has_error(function() manager:semaphore(-1) end)
  end)
end)

describe("a manager's condition", function()
  it("is waited for, and notified", function()
    local condition, dict = manager:condition(), manager:dict()
    local process = run(function()
      condition:acquire()
      dict.waits = true
      assert(condition:wait_for(function() return dict.ready end, SOON))
      condition:release()
    end)
    await(function() return dict.waits end)
    condition:with(function()
      dict.ready = true
      condition:notify_all()
    end)
    finish(process)
    assert.match("does not hold", raised(condition.notify, condition))
  end)

  it("gives the lock back when time runs out", function()
    local lock = manager:rlock()
    local condition = manager:condition(lock)
    lock:acquire()
    lock:acquire()
    assert.same({nil, "timeout"}, {condition:wait(0.001)})
    lock:release()
    assert.is_true(lock:is_held())
    lock:release()
    assert.match("lock of this manager expected", raised(manager.condition, manager, 1))
  end)

  it("never waits for the dead", function()
    local condition, dict = manager:condition(), manager:dict()
    local process = run(function()
      condition:acquire()
      dict.waits = true
      condition:wait()
    end)
    await(function() return dict.waits end)
    condition:acquire(SOON)
    condition:notify()
    kill(process)
    condition:release()
    assert.is_true(condition:acquire(SOON))
    condition:release()
  end)
end)

describe("a manager's event", function()
  it("is waited for", function()
    local event = manager:event()
    assert.same({nil, "timeout"}, {event:wait(0.001)})
    local process = run(function() assert(event:wait(SOON)) end)
    event:set()
    finish(process)
    assert.is_true(event:is_set())
    event:clear()
    assert.is_false(event:is_set())
  end)
end)

describe("a manager's barrier", function()
  it("lets all go when all have come", function()
    local barrier, places = manager:barrier(3), manager:queue()
    local processes = {}
    for i = 1, 2 do processes[i] = run(function() places:put(barrier:wait(SOON)) end) end
    places:put(barrier:wait(SOON))
    local sum = 0
    for _ = 1, 3 do sum = sum + places:get(SOON) end
    assert.equal(6, sum)
    for _, process in ipairs(processes) do finish(process) end
    assert.same({3, 0, false}, {barrier.parties, barrier.n_waiting, barrier.broken})
  end)

  it("breaks when one gives up, or dies", function()
    local barrier = manager:barrier(2)
    assert.same({nil, "broken"}, {barrier:wait(0.001)})
    assert.is_true(barrier.broken)
    barrier:reset()
    local process = run(function() barrier:wait() end)
    await(function() return barrier.n_waiting == 1 end)
    kill(process)
    await(function() return barrier.broken end)
    assert.same({nil, "broken"}, {barrier:wait()})
  end)

  it("is broken for all who wait when one aborts it, until it is reset", function()
    local barrier, told = manager:barrier(2), parallel.Queue()
    local process = run(function() told:put({barrier:wait(SOON)}) end)
    await(function() return barrier.n_waiting == 1 end)
    barrier:abort()
    assert.equal("broken", told:get(SOON)[2])
    finish(process)
    assert.is_true(barrier.broken)
    barrier:reset()
    assert.is_false(barrier.broken)
    told:close()
  end)

  it("has an action, which breaks it when it raises", function()
    local barrier = manager:barrier(1, function() error("no action") end)
    assert.match("no action", raised(barrier.wait, barrier))
    assert.is_true(barrier.broken)
  end)
end)

describe("a manager's proxy", function()
  it("goes to the workers of pools, and through other objects", function()
    local dict, outer = manager:dict{ n = 0 }, manager:dict()
    outer.inner = dict
    local pool = parallel.Pool(2)
    pool:map(function(i)
      outer.inner:update("n", function(n) return n + i end)
      dict[i] = true
    end, {1, 2, 3})
    pool:close()
    assert.equal(6, dict.n)
    assert.is_true(dict[3])
    assert.equal(dict, outer.inner)
    outer:update("inner", function(inner)
      inner.n = 70
      return inner
    end)
    assert.equal(70, dict.n)
  end)

  it("goes over pipes", function()
    local a, b = parallel.Pipe()
    local process = run(function() b:recv():append("there") end)
    local list = manager:list()
    a:send(list)
    finish(process)
    assert.same({"there"}, list:to_table())
    a:close()
    b:close()
  end)

  it("works in a process that was forked meanwhile", function()
    local dict = manager:dict()
    child.start(function() dict.x = 1 end):finish()
    assert.equal(1, dict.x)
  end)

  it("says what it stands for", function()
    assert.match("^dict of the manager at /", tostring(manager:dict()))
  end)

  it("raises in a function that is interrupted while it waits, and goes on", function()
    local lock, dict = manager:lock(), manager:dict()
    lock:acquire()
    local process = run(function()
      local ok = pcall(function()
        dict.waits = true
        lock:acquire()
      end)
      dict.ok = ok
      dict.still = "in step"
    end)
    await(function() return dict.waits end)
    process:interrupt()
    finish(process)
    assert.is_false(dict.ok)
    assert.equal("in step", dict.still)
    lock:release()
    assert.is_true(lock:acquire(0))
    lock:release()
  end)
end)

describe("an object of a manager", function()
  before_each(function()
    manager:close()
    manager = assert(parallel.Manager{ linger = 0.001 })
  end)

  local function gone(n)
    await(function()
      collectgarbage()
      return manager:count() == n
    end)
  end

  it("goes with its last proxy", function()
    local dict = manager:dict()
    assert.equal(1, manager:count())
    local process = stayer(function() assert(dict:count() == 0) end)
    dict = nil -- luacheck: ignore 311
    gone(2) -- the other process has it, and an event
    kill(process)
    gone(0)
  end)

  it("stays while another that stays leads to it", function()
    local outer = manager:dict{ inner = manager:list{ "kept" } }
    gone(1)
    assert.equal("kept", outer.inner[1])
  end)

  it("stays while it has a name", function()
    manager:publish("config", manager:dict{ a = 1 })
    collectgarbage()
    assert.equal(1, manager:lookup("config").a)
    manager:publish("config", nil)
    assert.is_nil(manager:lookup("config"))
    gone(0)
  end)
end)

describe("parallel.register", function()
  local Counter = {}
  Counter.__index = Counter

  function Counter:add(n)
    self.n = self.n + n
    return self.n
  end

  function Counter:secret() return self.n end

  parallel.register("spec_counter", function(n) return setmetatable({n = n}, Counter) end, {"add"})

  it("adds a type, of which the named methods may be called", function()
    local counter = manager:spec_counter(10)
    assert.equal(12, counter:add(2))
    finish(run(function() counter:add(1) end))
    assert.equal(15, counter:call("add", 2))
    assert.match("manager_spec.lua:%d+: spec_counter has no method 'secret' that may be called",
      raised(function() counter:secret() end))
  end)

  it("adds one to a manager that runs", function()
    local step = 5
    parallel.register("spec_late", function() return {go = function() return step end, _own = print} end)
    local late = manager:spec_late()
    assert.equal(5, late:go())
    assert.match("no method '_own'", raised(function() late:_own() end))
  end)

  it("refuses names of the library, and unknown ones", function()
    assert.match("manager_spec.lua:%d+: .*'dict' is a type of the library",
      raised(function() parallel.register("dict", print) end))
    assert.match("manager_spec.lua:%d+: no type 'nothing' is registered", raised(function() manager:nothing() end))
  end)
end)

describe("parallel.connect", function()
  it("gives the same manager, by its address and key", function()
    manager:close()
    local address = files.path("manager")
    manager = assert(parallel.Manager{ address = address, authkey = "secret" })
    assert.equal(address, manager.address)
    manager:publish("shared", manager:dict{ list = manager:list{ 1 } })
    child.start(function()
      local other = assert(parallel.connect{ address = address, authkey = "secret" })
      local shared = other:lookup("shared")
      assert(shared.list[1] == 1)
      shared.mine = other:list{ "theirs" }
    end):finish()
    assert.equal(1, manager:lookup("shared").list:count())
  end)

  it("needs the key", function()
    local connection, why = parallel.connect{ address = manager.address, authkey = "wrong" }
    assert.is_nil(connection)
    assert.equal("authentication failed", why)
    assert.is_nil((parallel.connect{ address = files.path("nobody") }))
    assert.equal(0, manager:dict():count())
  end)

  it("works over TCP", function()
    manager:close()
    manager = assert(parallel.Manager{ address = "127.0.0.1:0", authkey = "secret" })
    manager:publish("numbers", manager:list{ 1 })
    child.start(function()
      local other = assert(parallel.connect{ address = manager.address, authkey = "secret" })
      other:lookup("numbers"):append(2)
    end):finish()
    assert.same({1, 2}, manager:lookup("numbers"):to_table())
  end)
end)

describe("parallel.Manager", function()
  it("cannot be had where somebody listens", function()
    local other, why = parallel.Manager{ address = manager.address }
    assert.is_nil(other)
    assert.match("cannot listen", why)
  end)

  it("refuses options that are none", function()
    assert.match("manager_spec.lua:%d+: ", raised(function() parallel.Manager(3) end))
    assert.match("manager_spec.lua:%d+: ", raised(function() parallel.Manager{ authkey = "" } end))
  end)

  it("is of no use once closed, and leaves no file", function()
    local dict, address = manager:dict(), manager.address
    manager:close()
    manager:close()
    assert.match("manager_spec.lua:%d+: the manager has ended", raised(function() return dict.x end))
    assert.match("manager_spec.lua:%d+: attempt to use a closed manager", raised(function() manager:dict() end))
    assert.is_nil(io.open(address))
  end)

  it("that was killed says so, to those who wait too", function()
    local queue, dict = manager:queue(), manager:dict()
    local told = parallel.Queue()
    local process = run(function()
      dict.waits = true
      told:put(select(2, pcall(queue.get, queue)))
    end)
    await(function() return dict.waits end)
    for _, one in ipairs(parallel.active_children()) do
      if one.name == "manager" then one:kill() end
    end
    assert.match("the manager has ended", told:get(SOON))
    finish(process)
    assert.match("manager_spec.lua:%d+: the manager has ended", raised(function() dict.x = 1 end))
    os.remove(manager.address)
  end)

  it("ends with its owner", function()
    local sent = parallel.Queue()
    local owner = run(function()
      local own = parallel.Manager{ address = files.path("owned") }
      local dict = own:dict()
      for _, one in ipairs(parallel.active_children()) do sent:put(one.pid) end
      sent:put(dict)
      parallel.Event():wait()
    end)
    local pid, dict = sent:get(SOON), sent:get(SOON)
    kill(owner)
    await(function() return not files.read(("/proc/%d/cmdline"):format(pid)) or
      files.read(("/proc/%d/cmdline"):format(pid)) == "" end)
    assert.match("the manager has ended", raised(function() dict.x = 1 end))
  end)

  it("serves others when a client sends garbage, or reads nothing", function()
    local dict = manager:dict{ big = ("x"):rep(1000000) }
    local key = parallel.current_process().authkey
    local rude = assert(parallel.Client{ address = manager.address, authkey = key })
    rude:send("no request")
    assert.same({nil, "closed"}, {rude:recv(SOON)})
    rude:close()
    local lazy = assert(parallel.Client{ address = manager.address, authkey = key })
    local id = 0
    lazy:send({1, id, "lookup", 1, "dict"})
    manager:publish("dict", dict)
    for serial = 2, 20 do lazy:send({serial, id, "lookup", 1, "dict"}) end
    assert.equal(1000000, #dict.big)
    lazy:close()
    assert.equal(1000000, #dict.big)
  end)

  it("is ended by a program that ends, with os.exit too", function()
    for _, last in ipairs({"", "os.exit(0)"}) do
      local shell = require "spec.support.shell"
      local script = files.write("ends.lua", ([[
        local parallel = require "parallel"
        manager = parallel.Manager()
        dict = manager:dict()
        io.write(manager.address)
        %s]]):format(last))
      local result = shell.run({shell.program(), script})
      assert.same({0, ""}, {result.status, result.stderr})
      assert.is_nil(io.open(result.stdout))
    end
  end)
end)

describe("the manager's fault points", function()
  it("are those of connections: a request that is cut off costs that client", function()
    local dict = manager:dict()
    local process = run(function()
      testing.fault("connection.sent:kill@1")
      dict.x = 1
    end)
    process:join(SOON)
    process:close()
    dict.y = 2
    assert.equal(2, dict.y)
  end)
end)
