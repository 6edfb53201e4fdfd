local parallel = require "parallel"
local child = require "spec.support.child"
local files = require "spec.support.files"
local testing = require("parallel.core").testing
local raised = require("spec.support.trials").raised

local SOON = 5

for _, kind in ipairs({"Queue", "SimpleQueue", "JoinableQueue"}) do
  describe("parallel." .. kind, function()
    it("gives what was put, first in, first out", function()
      local queue = parallel[kind]()
      for i = 1, 3 do assert.is_true(queue:put(i)) end
      for i = 1, 3 do assert.equal(i, queue:get()) end
      assert.same({nil, "timeout"}, {queue:get(0)})
    end)

    it("has an item as soon as put returns", function()
      local queue = parallel[kind]()
      assert.is_true(queue:empty())
      queue:put(false)
      assert.is_false(queue:empty())
      assert.equal(1, queue:qsize())
      assert.equal(1, queue:count())
      assert.is_false(queue:get_nowait())
      assert.is_true(queue:empty())
    end)

    it("carries values of any shape", function()
      local queue, k = parallel[kind](), 3
      local loop = {1, {x = "y"}, 2.5}
      loop.self = loop
      queue:put(loop)
      queue:put(function(x) return x * k end)
      local got = queue:get()
      assert.equal(got, got.self)
      assert.same({x = "y"}, got[2])
      assert.equal(6, queue:get()(2))
    end)

    it("joins producers and consumers, and hands out every item once", function()
      local queue, sums = parallel[kind](), parallel.Queue()
      local producers, consumers = {}, {}
      for i = 1, 3 do
        consumers[i] = child.start(function()
          local sum = 0
          for item in function() return (queue:get()) end do sum = sum + item end
          sums:put(sum)
        end)
        producers[i] = child.start(function()
          for item = 1, 500 do queue:put(item) end
        end)
      end
      for _, producer in ipairs(producers) do producer:finish() end
      queue:close()
      local sum = 0
      for _, consumer in ipairs(consumers) do
        consumer:finish()
        sum = sum + sums:get()
      end
      assert.equal(3 * 500 * 501 / 2, sum)
    end)

    it("is closed for everybody, and hands out what is left", function()
      local queue = parallel[kind]()
      queue:put("left")
      child.start(function() queue:close() end):finish()
      assert.match("queue_spec.lua:%d+: attempt to use a closed queue", raised(function() queue:put(1) end))
      assert.equal("left", queue:get())
      assert.same({nil, "closed"}, {queue:get()})
      assert.same({nil, "closed"}, {queue:get_nowait()})
      queue:close()
    end)

    it("wakes those that wait for an item when it is closed", function()
      local queue = parallel[kind]()
      local other = child.start(function() assert.same({nil, "closed"}, {queue:get(SOON)}) end)
      queue:close()
      other:finish()
    end)

    it("refuses what cannot be sent, and goes on", function()
      local queue = parallel[kind]()
      assert.match("queue_spec.lua:%d+: cannot send nil", raised(function() queue:put(nil) end))
      assert.match("queue_spec.lua:%d+: cannot send item: hooks%[1%]: a coroutine cannot leave its process",
        raised(function() queue:put({hooks = {coroutine.create(print)}}) end))
      assert.match("cannot send item: lock: a lock cannot be sent this way; let the processes inherit it",
        raised(function() queue:put({lock = parallel.Lock()}) end))
      assert.is_true(queue:empty())
      queue:put(1)
      assert.equal(1, queue:get())
    end)
  end)
end

describe("a queue of limited size", function()
  it("is full with so many items", function()
    local queue = parallel.Queue(2)
    queue:put(1)
    assert.is_false(queue:full())
    queue:put(2)
    assert.is_true(queue:full())
    assert.same({nil, "timeout", "full"}, {queue:put(3, 0)})
    assert.same({nil, "timeout", "full"}, {queue:put(3, 0.001)})
    assert.same({nil, "timeout", "full"}, {queue:put_nowait(3)})
    queue:get()
    assert.is_true(queue:put_nowait(3))
    assert.equal(2, queue:get())
    assert.equal(3, queue:get())
  end)

  it("makes producers wait until there is room", function()
    local queue = parallel.Queue(1)
    local other = child.start(function()
      for i = 1, 200 do queue:put(i, SOON) end
    end)
    for i = 1, 200 do assert.equal(i, queue:get(SOON)) end
    other:finish()
  end)

  it("raises in producers that wait when it is closed", function()
    local queue = parallel.Queue(1)
    queue:put(1)
    local other = child.start(function() assert.match("closed queue", raised(queue.put, queue, 2)) end)
    queue:close()
    other:finish()
  end)

  it("is of any size for 0 and less, and nothing but a whole number", function()
    for _, any in ipairs({0, -1}) do
      local queue = parallel.Queue(any)
      for i = 1, 10 do queue:put(i) end
      assert.is_false(queue:full())
    end
    for _, bad in ipairs({1.5, "x", {}}) do assert.has_error(function() parallel.Queue(bad) end) end
  end)
end)

describe("a queue's items", function()
  it("may be of any length", function()
    local queue = parallel.Queue()
    for _, size in ipairs({0, 1, 503, 504, 505, 15000, 16384, 70000, 3000000}) do
      local item = ("x"):rep(size)
      queue:put(item)
      queue:put(size)
      assert.is_true(item == queue:get())
      assert.equal(size, queue:get())
    end
  end)

  it("are whole wherever they lie and whenever the queue grows", function()
    local queue, put, got, seed = parallel.Queue(), 0, 0, 1
    local function item(i) return (string.char(33 + i % 90)):rep(i * 7919 % 1777) end
    for _ = 1, 3000 do
      seed = seed * 16807 % 2147483647
      if seed % 5 < 3 then
        put = put + 1
        queue:put(item(put))
      elseif got < put then
        got = got + 1
        assert.is_true(item(got) == queue:get(0))
      end
    end
    assert.equal(put - got, queue:qsize())
    while got < put do
      got = got + 1
      assert.is_true(item(got) == queue:get(0))
    end
  end)

  it("leave no memory behind that is much", function()
    local queue = parallel.Queue()
    for _ = 1, 3 do
      for _ = 1, 20 do queue:put(("x"):rep(1000000)) end
      for _ = 1, 20 do assert.equal(1000000, #queue:get(0)) end
    end
    local mapping = files.read("/proc/self/smaps"):match("memfd:queue.-\nPss:%s*(%d+) kB")
    local kept = tonumber(mapping)
    assert.is_true(kept < 100, kept .. " KiB")
  end)

  it("that another process made the queue grow for are there", function()
    local queue = parallel.Queue()
    local big = ("big"):rep(100000)
    child.start(function()
      for _ = 1, 3 do queue:put(big) end
    end):finish()
    for _ = 1, 3 do assert.is_true(big == queue:get(0)) end
  end)

  it("are all there when there is no memory for one more", function()
    local queue = parallel.Queue()
    queue:put("first")
    testing.fault("sys.ftruncate:ENOMEM@*")
    local why = raised(queue.put, queue, ("x"):rep(100000))
    testing.fault("sys.mmap:ENOMEM@*")
    local again = raised(queue.put, queue, ("x"):rep(100000))
    testing.fault(nil)
    assert.match("not enough memory", why)
    assert.match("not enough memory", again)
    assert.equal(1, queue:qsize())
    queue:put(("y"):rep(100000))
    assert.equal("first", queue:get())
    assert.equal(100000, #queue:get())
  end)
end)

describe("a queue whose lock is held by a process that was stopped", function()
  after_each(function() testing.fault(nil) end)

  local function wait_until_stopped(pid)
    repeat local state = files.read(("/proc/%d/stat"):format(pid)):match("%) (%a)") until state == "T"
  end

  local CALLS = {
    qsize = function(queue) return queue:qsize() end, put = function(queue) return queue:put(3) end,
    get = function(queue) return queue:get() end, close = function(queue) queue:close() return true end,
    task_done = function(queue) queue:task_done() return true end,
    join = function(queue) return queue:join(0) == nil end,
  }

  for name, call in pairs(CALLS) do
    it("waits until it goes on, signals or not, in " .. name, function()
      local queue = parallel.JoinableQueue()
      queue:put(1)
      testing.fault("queue.put.prepared:stop@1")
      local holder = child.start(function() queue:put(2) end)
      wait_until_stopped(holder.pid)
      testing.fault("sys.futex:EINTR@1")
      local waker = child.start(function()
        repeat until testing.fault_acted() > 0
        testing.kill(holder.pid, "CONT")
      end)
      assert.is_truthy(call(queue))
      holder:finish()
      waker:finish()
    end)
  end
end)

describe("queue:join", function()
  it("waits until all that was put is done with", function()
    local queue = parallel.JoinableQueue()
    assert.is_true(queue:join(0))
    for i = 1, 3 do queue:put(i) end
    assert.same({nil, "timeout"}, {queue:join(0.001)})
    local other = child.start(function()
      for _ = 1, 3 do
        queue:get()
        queue:task_done()
      end
    end)
    assert.is_true(queue:join(SOON))
    other:finish()
  end)

  it("is not told of more than was put", function()
    local queue = parallel.JoinableQueue()
    queue:put(1)
    queue:get()
    queue:task_done()
    assert.match("queue_spec.lua:%d+: task_done was called more often than put",
      raised(function() queue:task_done() end))
  end)
end)

describe("parallel.wait", function()
  it("waits for queues too", function()
    local idle, queue = parallel.Queue(), parallel.Queue()
    assert.same({}, parallel.wait({idle, queue}, 0))
    local other = child.start(function() queue:put(1) end)
    assert.same({queue}, parallel.wait({idle, queue}, SOON))
    other:finish()
    idle:close()
    assert.same({idle, queue}, parallel.wait({idle, queue}))
  end)
end)
