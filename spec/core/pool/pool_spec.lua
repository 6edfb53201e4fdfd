require "parallel"
local child = require "spec.support.child"
local core = require "parallel.core"
local files = require "spec.support.files"
local testing = core.testing

local pool

local function nothing() end

local function open(handle, options)
  options = options or {}
  options.workers = options.workers or 2
  options.begin = options.begin or nothing
  options.handle = handle
  pool = assert(core.pool(options))
  return pool
end

local function echo(_, payload) return payload end

-- Every event until nothing is under way, as lists by kind.
local function all_events()
  local events = {result = {}, error = {}, death = {}}
  while true do
    local kind, task, worker, detail = pool:wait(5)
    if not kind then return events end
    if kind == "broken" then error("cannot start any worker: " .. detail.message, 0) end
    table.insert(events[kind], {task = task, worker = worker, detail = detail})
  end
end

local function replies(events)
  local list = {}
  for _, event in ipairs(events.result) do list[event.task] = event.detail end
  return list
end

local function submit_many(n)
  for i = 1, n do pool:submit(tostring(i)) end
end

local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = tostring(i) end
  return list
end

describe("pool", function()
  after_each(function()
    testing.fault(nil)
    if pool then pool:close() end
    pool = nil
  end)

  it("hands each payload to a worker and the reply back", function()
    open(echo)
    submit_many(100)
    assert.same(numbers(100), replies(all_events()))
  end)

  it("carries payloads larger than any pipe, both ways at once", function()
    open(echo)
    local big = ("x"):rep(5 * 1024 * 1024)
    for _ = 1, 6 do pool:submit(big) end
    local events = all_events()
    assert.equal(6, #events.result)
    for _, event in ipairs(events.result) do assert.is_true(event.detail == big) end
  end)

  it("carries an empty payload and an empty reply", function()
    open(function() return "" end)
    pool:submit("")
    assert.same({""}, replies(all_events()))
  end)

  it("puts no task behind another while a worker is starting", function()
    local running, seen = files.path("running"), files.path("seen")
    open(function(_, task)
      files.write(task, "")
      while not files.read(seen) do end
    end, {begin = function(worker)
      while worker:index() == 2 and not files.read(running) do end
    end})
    pool:submit("running")
    pool:submit("seen") -- else the first task waits for one that waits for it
    assert.equal(2, #all_events().result)
  end)

  it("says timeout at once when nothing is under way", function()
    open(echo)
    assert.same({nil, "timeout"}, {pool:wait()})
  end)

  it("gives a task to the worker that was asked for", function()
    open(function(self) return tostring(self:index()) end, {workers = 3})
    for worker = 1, 3 do
      for _ = 1, 5 do pool:submit("", worker) end
    end
    for _, event in ipairs(all_events().result) do
      assert.equal(tostring(event.worker), event.detail)
      assert.equal(math.ceil(event.task / 5), event.worker)
    end
  end)

  it("tells workers apart and gives them what they inherit", function()
    local inherited = {answer = 42}
    open(function(self) return self:index() .. ":" .. inherited.answer end, {workers = 1})
    pool:submit("")
    assert.same({"1:42"}, replies(all_events()))
  end)

  it("tells of an error with message, traceback and the running item", function()
    open(function(self)
      self:item(7)
      error("two is unlucky")
    end)
    pool:submit("")
    local event = all_events().error[1]
    assert.match("pool_spec.lua:%d+: two is unlucky$", event.detail.message)
    assert.match("stack traceback:.*pool_spec.lua", event.detail.traceback)
    assert.equal(7, event.detail.item)
    assert.is_nil(event.detail.value)
  end)

  it("tells the error value, where it is no text and can be sent", function()
    open(function(_, payload)
      if payload == "table" then error({code = {5}}) end
      error({print, {io.stdout}})
    end)
    pool:submit("table")
    assert.same({code = {5}}, all_events().error[1].detail.value)
    pool:submit("unsendable")
    local event = all_events().error[1]
    assert.is_nil(event.detail.value)
    assert.match("^table: ", event.detail.message)
  end)

  it("survives error values that cannot be shown", function()
    open(function(_, payload)
      if payload == "nil" then error() end
      error(setmetatable({}, {__tostring = function() error("no") end}))
    end, {workers = 1})
    pool:submit("nil")
    pool:submit("table")
    local errors = all_events().error
    assert.equal("nil", errors[1].detail.message)
    assert.match("cannot be converted to a string", errors[2].detail.message)
  end)

  it("goes on after an error", function()
    open(function(_, payload)
      if payload == "3" then error("three") end
      return payload
    end, {workers = 1})
    submit_many(5)
    local events = all_events()
    assert.equal(4, #events.result)
    assert.equal(3, events.error[1].task)
  end)

  it("has descriptor and timeout for an event loop", function()
    open(echo)
    assert.is_true(pool:descriptor() > 2)
    local only_looking_tells = os.getenv("PARALLEL_LUA_CIRCUMSTANCES") -- of deaths, without pidfd
    assert.is_true(only_looking_tells ~= nil or pool:timeout() == nil)
  end)

  it("refuses to be used after close, and closes twice", function()
    open(echo)
    pool:close()
    pool:close()
    assert.has_error(function() pool:submit("x") end, "attempt to use a closed pool")
  end)

  it("refuses numbers that make no sense", function()
    assert.has_error(function() open(echo, {workers = 0}) end)
    open(echo)
    for name, numbers_ in pairs({
      kill = {0, 3}, memory = {0, 3}, resize = {0, 65536}, wait = {0 / 0}, drain = {0 / 0},
    }) do
      for _, number in ipairs(numbers_) do assert.has_error(function() pool[name](pool, number) end) end
    end
    for _, worker in ipairs({-1, 3}) do assert.has_error(function() pool:submit("x", worker) end) end
    for _, items in ipairs({0, 2 ^ 40}) do
      pool:submit("x", nil, nil, nil, items)
      assert.equal("result", (pool:wait(3e6)))
    end
  end)

  it("is nobody's but its owner's", function()
    open(echo)
    pool:submit("1")
    local other = child.start(function()
      for name, call in pairs({
        submit = function() pool:submit("x") end, drain = function() pool:drain(0) end,
        resize = function() pool:resize(3) end, wait = function() pool:wait(0) end,
      }) do
        local ok, why = pcall(call)
        assert(not ok and why:find("Operation not permitted"), name .. ": " .. tostring(why))
      end
      assert(not pool:cancel(1))
      pool:close()
    end)
    other:finish()
    assert.same({"1"}, replies(all_events()))
  end)

  it("lets running tasks end when it drains", function()
    open(echo)
    submit_many(3)
    all_events()
    pool:drain(5)
    assert.equal(0, pool:stats().workers)
  end)

  it("kills what does not end within the grace when it drains", function()
    open(function() while true do end end)
    pool:submit("")
    pool:drain(0.05)
    assert.equal(0, pool:stats().workers)
  end)

  it("says so when it cannot wait for its workers since it was robbed", function()
    open(echo, {workers = 1})
    testing.close(pool:descriptor())
    assert.error_matches(function() pool:drain(5) end, "Bad file descriptor")
  end)

  it("is closed by the collector", function()
    open(function() while true do end end)
    pool:submit("")
    pool = nil
    collectgarbage()
    collectgarbage()
  end)

  describe("when a worker is killed", function()
    local function kill_at(n)
      return function(_, payload)
        if payload == n then testing.kill(testing.getpid(), "KILL") end
        return payload
      end
    end

    it("names signal, process and the task that was running", function()
      open(kill_at("2"), {workers = 1})
      local pid = pool:workers()[1]
      submit_many(5)
      local events = all_events()
      assert.equal(1, #events.death)
      local death = events.death[1]
      assert.equal(2, death.task)
      assert.equal("SIGKILL", death.detail.signal)
      assert.equal(pid, death.detail.pid)
    end)

    it("loses nothing but the task that was running", function()
      open(kill_at("20"), {workers = 3, window = 5})
      submit_many(40)
      local expected = numbers(40)
      expected[20] = nil
      assert.same(expected, replies(all_events()))
    end)

    it("tells of a death between tasks without blaming any", function()
      open(echo, {workers = 1})
      pool:submit("a")
      assert.equal("result", (pool:wait(5)))
      testing.kill(pool:workers()[1], "KILL")
      pool:submit("b")
      local events = all_events()
      assert.is_nil(events.death[1].task)
      assert.same({[2] = "b"}, replies(events))
    end)

    it("gives a task meant for it to its replacement", function()
      open(function(self, payload)
        if payload == "die" then testing.kill(testing.getpid(), "KILL") end
        return self:index() .. payload
      end)
      pool:submit("die", 2)
      pool:submit("after", 2)
      assert.same({[2] = "2after"}, replies(all_events()))
    end)

    it("ends what the worker had started too", function()
      open(function()
        os.execute("sleep 1000 & echo $! >" .. os.getenv("TMPDIR") .. "/pid")
        testing.kill(testing.getpid(), "KILL")
      end, {workers = 1})
      pool:submit("")
      all_events()
      os.remove(os.getenv("TMPDIR") .. "/pid")
      -- the harness fails this test if the sleep lives on
    end)

    it("does not mistake a late word of its death for one of its replacement's", function()
      for call = 5, 14 do -- among them those that take a descriptor out of the poller
        testing.fault(("sys.epoll_ctl:ENOMEM@%d,child.begin:delay50@3"):format(call))
        open(function() testing.kill(testing.getpid(), "KILL") end)
        pool:submit("", 1)
        pool:submit("", 2)
        assert.equal(2, #all_events().death)
        testing.fault(nil)
        pool:close()
      end
    end)

    it("survives ten thousand deaths", function()
      open(function() os.exit(1) end, {workers = 2})
      submit_many(300)
      assert.equal(300, #all_events().death)
    end)
  end)

  it("tells the exit status of a worker whose task calls os.exit", function()
    open(function() os.exit(3, true) end, {workers = 1})
    pool:submit("")
    local death = all_events().death[1]
    assert.equal(3, death.detail.exitcode)
    assert.equal(1, death.task)
  end)

  it("kills a stopped worker when it closes", function()
    open(function() testing.kill(testing.getpid(), "STOP") end)
    pool:submit("")
    pool:wait(0.05)
  end)

  it("finds a worker that closed its pipe", function()
    testing.fault("result.begin:close@2")
    open(echo, {workers = 1})
    submit_many(2)
    local events = all_events()
    assert.equal(1, #events.death)
    assert.equal(1, events.death[1].task)
    assert.same({[2] = "2"}, replies(events))
  end)

  describe("beginning", function()
    it("runs in every worker, replacements too", function()
      local begun = 0
      open(function(_, payload)
        if payload == "1" then os.exit(1) end
        return tostring(begun)
      end, {begin = function() begun = begun + 1 end, workers = 1})
      submit_many(2)
      assert.same({[2] = "1"}, replies(all_events()))
    end)

    it("that fails in the first worker fails the pool with its message", function()
      open(echo, {begin = function() error("no database", 0) end})
      pool:submit("x")
      local ok, message = pcall(all_events)
      assert.is_false(ok)
      assert.match("^cannot start any worker: no database$", message)
    end)

    it("that dies each time gives up after a few tries", function()
      open(echo, {begin = function() os.exit(9) end})
      pool:submit("x")
      assert.error_matches(all_events, "cannot start any worker: the workers end before")
    end)
  end)
end)

-- Each named point, hit by each fault: every task still has exactly one outcome.
describe("pool under faults", function()
  after_each(function()
    testing.fault(nil)
    if pool then pool:close() end
    pool = nil
  end)

  local function outcomes(n)
    open(echo, {window = 4})
    submit_many(n)
    local seen = {}
    local events = all_events()
    for _, list in pairs(events) do
      for _, event in ipairs(list) do
        if event.task then
          assert.is_nil(seen[event.task], "one task, two outcomes")
          seen[event.task] = true
        end
      end
    end
    for _, event in ipairs(events.result) do assert.equal(tostring(event.task), event.detail) end
    assert.equal(n, #seen)
    return events
  end

  local FATAL = {
    "child.gate", "child.armed", "worker.begin", "worker.ready", "task.read", "task.begin",
    "task.done", "result.begin", "result.sent", "task.partly",
  }
  for _, point in ipairs(FATAL) do
    for _, action in ipairs({"kill", "segv", "exit5"}) do
      it("settles every task once with " .. point .. ":" .. action, function()
        testing.fault(("%s:%s@2"):format(point, action))
        outcomes(30)
      end)
    end
  end

  for _, point in ipairs({"task.read", "result.sent"}) do
    it("charges no task for a death at " .. point, function()
      testing.fault(point .. ":kill@4")
      local events = outcomes(30)
      assert.equal(30, #events.result)
    end)
  end

  for _, point in ipairs({"task.begin", "task.done", "result.begin"}) do
    it("charges exactly one task for a death at " .. point, function()
      testing.fault(point .. ":kill@5")
      local events = outcomes(30)
      assert.equal(1, #events.death)
      assert.equal(29, #events.result)
    end)
  end

  it("never takes a torn result for a whole one", function()
    local size = 2000
    testing.fault("sys.sendmsg:short@*,result.partly:kill@500")
    open(function(_, payload) return payload:rep(size) end, {workers = 1}) -- or it may hit one that begins
    for _ = 1, 4 do pool:submit("z") end
    local events = all_events()
    for _, event in ipairs(events.result) do assert.equal(size, #event.detail) end
    assert.equal(3, #events.result)
    assert.equal(1, #events.death)
  end)

  local BENIGN = {
    "sys.recvmsg:short@*,sys.sendmsg:short@*", "sys.recvmsg:EINTR@3", "sys.sendmsg:EINTR@2",
    "sys.pwritev2:EOPNOTSUPP@*", "sys.pidfd_open:ENOSYS@*", "sys.close_range:ENOSYS@*",
    "sys.pidfd_open:ENOSYS@*,sys.close_range:ENOSYS@*,sys.memfd_create:ENOSYS@*,sys.pwritev2:ENOSYS@*",
    "sys.pidfd_send_signal:ENOSYS@*", "sys.fork:EAGAIN@1", "sys.pipe2:EMFILE@2", "sys.socketpair:EMFILE@2",
    "sys.pidfd_open:EMFILE@1", "sys.epoll_ctl:ENOMEM@1",
  }
  for _, plan in ipairs(BENIGN) do
    it("loses nothing with " .. plan, function()
      testing.fault(plan)
      assert.equal(30, #outcomes(30).result)
    end)
  end

  it("finds deaths without pidfd", function()
    testing.fault("sys.pidfd_open:ENOSYS@*,task.begin:kill@3")
    local events = outcomes(10)
    assert.equal(1, #events.death)
    assert.equal(9, #events.result)
  end)

  it("says why when no worker can be started", function()
    testing.fault("sys.fork:EAGAIN@*")
    open(echo)
    pool:submit("x")
    assert.error_matches(all_events, "cannot start any worker: Resource temporarily unavailable")
  end)

  it("answers each allocation that fails with an error, and goes on", function()
    for n = 1, 40 do
      testing.fault(("sys.realloc:ENOMEM@%d"):format(n))
      local made, why = core.pool({workers = 1, begin = nothing, handle = echo})
      if made then
        local ok, message = pcall(made.submit, made, "x")
        assert.is_true(ok or message:match("Cannot allocate memory") ~= nil, message)
        made:close()
      else
        assert.match("Cannot allocate memory", why)
      end
    end
  end)
end)
