-- What waits for something lets the pools of its process go on meanwhile.
local child = require "spec.support.child"
local files = require "spec.support.files"
local kept = require "spec.support.kept"
local parallel = require "parallel"
local pools = require "spec.support.pools"
local shell = require "spec.support.shell"
local testing = require("parallel.core").testing
local trials = require "spec.support.trials"

local queue = parallel.Queue() -- for the whole file: it stays open until it is collected
local full = parallel.Queue(1)

local keep = kept.keep

local function small(x) return x end

-- A task that nobody comes to unless the pool goes on.
local function submit_last(pool, f, ...)
  for i = 1, 50 do pool:submit(small, i) end
  return pool:submit(f, ...)
end

local function put(x) queue:put(x) end

local WAITS = {}

WAITS["queue:get"] = function(pool)
  submit_last(pool, put, 7)
  assert.equal(7, queue:get())
end

WAITS["queue:put"] = function(pool)
  full:put(1)
  submit_last(pool, function() full:get() end)
  assert.is_true(full:put(2))
  assert.equal(2, full:get())
end

WAITS["queue:join"] = function(pool)
  local work = keep(parallel.JoinableQueue())
  for i = 1, 3 do work:put(i) end
  submit_last(pool, function()
    while work:get_nowait() do work:task_done() end
  end)
  assert.is_true(work:join())
end

WAITS["event:wait"] = function(pool)
  local event = keep(parallel.Event())
  submit_last(pool, function() event:set() end)
  assert.is_true(event:wait())
end

WAITS["semaphore:acquire"] = function(pool)
  local semaphore = keep(parallel.Semaphore(0))
  submit_last(pool, function() semaphore:release() end)
  assert.is_true(semaphore:acquire())
end

for _, name in ipairs({"Lock", "RLock"}) do
  WAITS[name:lower() .. ":acquire"] = function(pool)
    local lock, event = keep(parallel[name]()), keep(parallel.Event())
    local holder = pool:submit(function()
      lock:acquire()
      event:wait()
      lock:release()
    end)
    while lock:acquire(0) do lock:release() end
    submit_last(pool, function() event:set() end)
    assert.is_true(lock:acquire())
    holder:get()
  end
end

WAITS["condition:wait"] = function(pool)
  local condition = keep(parallel.Condition())
  keep(condition.lock)
  condition:acquire()
  submit_last(pool, function() condition:with(condition.notify, condition) end)
  assert.is_true(condition:wait())
  condition:release()
end

WAITS["barrier:wait"] = function(pool)
  local barrier = keep(parallel.Barrier(2))
  submit_last(pool, function() barrier:wait() end)
  assert.equal("number", type(barrier:wait()))
end

WAITS["process:join"] = function(pool)
  local event = keep(parallel.Event())
  local process = parallel.Process(function() event:wait() end)
  process:start()
  submit_last(pool, function() event:set() end)
  assert.is_true(process:join())
  process:close()
end

WAITS["parallel.wait"] = function(pool)
  local event = keep(parallel.Event())
  local process = parallel.Process(function() event:wait() end)
  process:start()
  submit_last(pool, function() event:set() end)
  assert.same({process}, parallel.wait({process}))
  process:join()
  process:close()
end

WAITS["result:get of another pool"] = function(pool)
  local other, event = keep(parallel.Pool(1)), keep(parallel.Event())
  local result = other:submit(function() return event:wait() end)
  submit_last(pool, function() event:set() end)
  assert.is_true(result:get())
end

WAITS["pool:map of another pool"] = function(pool)
  local other, event = keep(parallel.Pool(1)), keep(parallel.Event())
  submit_last(pool, function() event:set() end)
  assert.same({true, n = 1}, other:map(function() return event:wait() end, {1}))
end

WAITS["parallel.mapreduce"] = function(pool)
  local event = keep(parallel.Event())
  submit_last(pool, function() event:set() end)
  local result = parallel.mapreduce({values = {1}, workers = 1, combine = "sum",
    map = function(x, emit) event:wait() emit(x) end})
  assert.equal(1, result:count())
  result:close()
end

WAITS["connection:recv"] = function(pool)
  local a, b = parallel.Pipe()
  keep(a)
  keep(b)
  submit_last(pool, function() b:send(7) end)
  assert.equal(7, a:recv())
end

WAITS["connection:poll"] = function(pool)
  local a, b = parallel.Pipe()
  keep(a)
  keep(b)
  submit_last(pool, function() b:send(7) end)
  assert.is_true(a:poll(math.huge))
end

WAITS["connection:send"] = function(pool)
  local a, b = parallel.Pipe()
  keep(a)
  keep(b)
  local big = ("x"):rep(4000000) -- more than any socket has room for
  local read = submit_last(pool, function() return #b:recv() end)
  assert.is_true(a:send(big))
  assert.equal(#big, read:get())
end

local function socket_path() return os.getenv("TMPDIR") .. "/socket" end

WAITS["listener:accept"] = function(pool)
  local listener = keep(parallel.Listener{ address = socket_path() })
  local address = listener.address
  submit_last(pool, function() parallel.Client{ address = address }:close() end)
  keep(listener:accept())
end

WAITS["Client"] = function(pool)
  local path, event, ready = socket_path(), keep(parallel.Event()), keep(parallel.Event())
  local server = parallel.Process(function()
    local listener = parallel.Listener{ address = path }
    ready:set()
    event:wait()
    listener:accept():close()
    listener:close()
  end)
  server:start()
  ready:wait()
  submit_last(pool, function() event:set() end)
  keep(parallel.Client{ address = path })
  server:join()
  server:close()
end

WAITS["a manager's queue:get"] = function(pool)
  local manager = keep(parallel.Manager())
  local served = manager:queue()
  submit_last(pool, function() served:put(7) end)
  assert.equal(7, served:get())
end

describe("a job whose stream a task feeds", function()
  after_each(kept.close)

  it("lets the pool of that task go on", function()
    local fifo = files.path("fifo")
    local script = files.write("job.lua", ([[
      local parallel = require "parallel"
      local pool = parallel.Pool(1)
      for i = 1, 50 do pool:submit(math.abs, i) end
      pool:submit(function()
        local file = io.open(%q, "w")
        file:write("a b\nb\n")
        file:close()
      end)
      local result = parallel.mapreduce{ inputs = {"-"}, workers = 1, combine = "sum",
        map = function(line, emit) for word in parallel.words(line) do emit(word) end end }
      print(result:get("a"), result:get("b"))
      result:close()
      pool:close()
    ]]):format(fifo))
    local result = shell.run(("mkfifo '%s'; cat '%s' | %s '%s'"):format(fifo, fifo, shell.interpreter(), script))
    assert.same({status = 0, stdout = "1\t2\n", stderr = ""}, result)
  end)
end)

describe("while it waits,", function()
  after_each(kept.close)

  for name, wait in pairs(WAITS) do
    it(name .. " lets pools go on", function() wait(pools.open(2)) end)
  end

  it("queue:get lets a pool without workers go on", function() WAITS["queue:get"](pools.open(0)) end)

  it("queue:get hands out as many tasks as there are", function()
    local pool = pools.open(2)
    for i = 1, 500 do pool:submit(put, i) end
    local sum = 0
    for _ = 1, 500 do sum = sum + queue:get() end
    assert.equal(125250, sum)
  end)

  it("queue:get keeps its time", function()
    local pool, event = pools.open(1), keep(parallel.Event())
    local long = pool:submit(function() return event:wait() end)
    assert.same({nil, "timeout"}, {queue:get(0.02)})
    assert.is_nil((event:wait(0.02)))
    event:set()
    assert.is_true(long:get())
  end)

  it("barrier:wait finds the dead", function()
    local pool, barrier, event = pools.open(1), keep(parallel.Barrier(3)), keep(parallel.Event())
    pool:submit(function() event:wait() end)
    local other = child.start(function() barrier:wait() end)
    while barrier.n_waiting == 0 do end
    other:kill()
    assert.same({nil, "broken"}, {barrier:wait()})
    event:set()
  end)

  it("a child leaves its parent's pools alone", function()
    local pool = pools.open(2)
    local results = {}
    for i = 1, 50 do results[i] = pool:submit(small, i) end
    child.start(function()
      assert(select(2, queue:get(0.01)) == "timeout")
      local own = parallel.Pool(1)
      own:submit(put, 3)
      assert(queue:get() == 3)
      own:terminate()
    end):finish()
    for i = 1, 50 do assert.equal(i, results[i]:get()) end
  end)

  it("a broken pool is told of though another is busy", function()
    local pool, event = pools.open(1), keep(parallel.Event())
    pool:submit(function() event:wait() end)
    testing.fault("worker.begin:killchild@*")
    local broken = keep(parallel.Pool(1))
    assert.match("cannot start any worker", tostring(trials.raised(broken.apply, broken, small, 1)))
    broken:terminate()
    event:set()
  end)

  it("nobody is told that another's pool is broken", function()
    testing.fault("worker.begin:killchild@*")
    local pool = pools.open(1)
    local result = pool:submit(small, 1)
    assert.same({nil, "timeout"}, {queue:get(0.4)})
    testing.fault(nil)
    assert.truthy(trials.raised(result.get, result))
  end)
end)

describe("a callback", function()
  after_each(kept.close)

  it("may use the manager that is being waited for", function()
    local pool, manager = pools.open(1), keep(parallel.Manager())
    local served, seen = manager:queue(), manager:list()
    for i = 1, 30 do
      pool:apply_async(small, {i}, {callback = function(x)
        seen:append(x)
        if x == 30 then served:put(seen:count()) end
      end})
    end
    assert.equal(30, served:get())
    assert.equal(30, seen:count())
  end)

  it("may itself wait for a manager that is being waited for", function()
    local pool, manager, got = pools.open(1), keep(parallel.Manager()), nil
    local first, second = manager:queue(), manager:queue()
    pool:apply_async(small, {1}, {callback = function() got = second:get() end})
    submit_last(pool, function()
      first:put(1)
      second:put(2)
    end)
    assert.equal(1, first:get())
    while not got do pool:apply(small, 1) end
    assert.equal(2, got)
  end)

  it("may take a message of the connection that is being waited for", function()
    local pool, a, b = pools.open(1), parallel.Pipe()
    local taken
    pool:apply_async(small, {1}, {callback = function()
      b:send("for the callback")
      b:send("for the others")
      taken = a:recv()
    end})
    assert.equal("for the others", keep(a):recv())
    assert.equal("for the callback", taken)
    keep(b)
  end)

  it("may close what is being waited for, which is an error there", function()
    local pool, a, b = pools.open(1), parallel.Pipe()
    local listener = keep(parallel.Listener{ address = socket_path() })
    pool:apply_async(small, {1}, {callback = function() a:close() end})
    assert.match("attempt to use a closed connection", trials.raised(a.recv, a))
    pool:apply_async(small, {1}, {callback = function() listener:close() end})
    assert.match("attempt to use a closed listener", trials.raised(listener.accept, listener))
    keep(b)
  end)

  it("runs in whatever waits", function()
    local pool, event = pools.open(1), keep(parallel.Event())
    pool:apply_async(small, {1}, {callback = function() event:set() end})
    assert.is_true(event:wait())
  end)

  it("that raises fails nothing else", function()
    local pool = pools.open(1)
    local result = pool:apply_async(small, {1}, {callback = function()
      queue:put("called")
      error("no")
    end})
    assert.equal("called", queue:get())
    assert.match("no$", result.callback_error)
    assert.equal(1, result:get())
  end)

  it("may itself wait for what a task does later", function()
    local pool, got = pools.open(1), nil
    pool:apply_async(small, {1}, {callback = function() got = queue:get() end})
    submit_last(pool, put, "later")
    while not got do pool:apply(small, 2) end
    assert.equal("later", got)
  end)

  it("may ask for the results of its neighbours", function()
    local pool, results, sums = pools.open(1), {}, {}
    for i = 1, 30 do
      results[i] = pool:apply_async(small, {i}, {callback = function(x)
        sums[i] = x + results[i % 30 + 1]:get()
      end})
    end
    for i = 1, 30 do results[i]:get() end
    for i = 1, 30 do assert.equal(i + i % 30 + 1, sums[i]) end
  end)

  it("may end its pool", function()
    local pool = pools.open(2)
    pool:apply_async(small, {1}, {callback = function()
      pool:terminate()
      queue:put("ended")
    end})
    local last = submit_last(pool, function() while true do end end)
    assert.equal("ended", queue:get())
    assert.equal("cancelled", trials.raised(last.get, last).kind)
  end)
end)

describe("a pool that belongs to an object of a manager", function()
  after_each(kept.close)

  it("goes on between the requests", function()
    local event = keep(parallel.Event())
    local function set() event:set() end
    parallel.register("jobs", function()
      local pool = require("parallel").Pool(1)
      return {start = function()
        for i = 1, 50 do pool:submit(math.abs, i) end
        pool:submit(set)
      end}
    end, {"start"})
    local manager = keep(parallel.Manager())
    manager:jobs():call("start")
    assert.is_true(event:wait())
  end)
end)

describe("an input that waits", function()
  after_each(kept.close)

  it("is asked for one item after the other", function()
    local pool, asked = pools.open(2), false
    queue:put(1)
    local numbers = pool:map(function(x)
      if x < 40 then queue:put(x + 1) end
      return x
    end, function()
      assert(not asked, "it was asked while it waited")
      asked = true
      local x = queue:get(1)
      asked = false
      return x
    end, {chunksize = 1})
    local expected = trials.count_to(40)
    expected.n = 40
    assert.same(expected, numbers)
  end)
end)

describe("a pool that was dropped while it was busy", function()
  it("is no matter of what waits later", function()
    for _ = 1, 5 do
      parallel.imap(small, {1, 2, 3}, {workers = 1})
      assert.same({1, 2, n = 2}, parallel.map(small, {1, 2}, {workers = 1}))
    end
  end)
end)
