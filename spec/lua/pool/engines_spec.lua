-- Workers as places where things are kept: push, pull, execute, scatter, gather, pool[i].
local parallel = require "parallel"
local pools = require "spec.support.pools"
local testing = require("parallel.core").testing

local function raised(f, ...)
  local ok, why = pcall(f, ...)
  assert.is_false(ok)
  return why
end

local function die() testing.kill(testing.getpid(), "KILL") end

local METHODS = jit and {"fork", "spawn"} or {"fork", "template", "spawn"}

local WAYS = {{name = "in this process", workers = 0}}
for _, method in ipairs(METHODS) do
  table.insert(WAYS, {name = "with " .. method, workers = 2, start_method = method})
end

after_each(pools.close)

for _, way in ipairs(WAYS) do
  describe("engines " .. way.name, function()
    local pool, several

    before_each(function()
      pool = pools.open({workers = way.workers, start_method = way.start_method})
      several = way.workers == 2
    end)

    after_each(function() _G.k, _G.part, _G.made = nil, nil, nil end)

    local function by_worker(...) return several and {...} or {(...)} end

    it("have the globals that were pushed, and give them back", function()
      pool:push({k = 3, made = {1, {2}}})
      assert.same(by_worker(3, 3), pool:pull("k"))
      assert.same(by_worker({1, {2}}, {1, {2}}), pool:pull("made"))
    end)

    it("use them in code and in functions", function()
      pool:push({k = 3})
      assert.same(by_worker(nil, nil), pool:execute("made = k * 2"))
      assert.same(by_worker(7, 7), pool:execute("return made + 1"))
      assert.equal(6, pool:apply(function() return _G.made end))
    end)

    it("hold a part each of a list that is scattered", function()
      pool:scatter("part", {1, 2, 3, 4, 5})
      assert.same(several and {{1, 2, 3}, {4, 5}} or {{1, 2, 3, 4, 5}}, pool:pull("part"))
      pool:execute("made = {} for i, x in ipairs(part) do made[i] = x * x end")
      assert.same({1, 4, 9, 16, 25}, pool:gather("made"))
    end)

    it("run one by one what is meant for one", function()
      local last = pool[pool:count() > 0 and pool:count() or 1]
      assert.equal(several and 2 or nil, last:apply(function()
        local info = require("parallel").worker_info()
        return info and info.id
      end))
      assert.same({1, nil, 3}, {last:apply(function(...) return ... end, 1, nil, 3)})
      assert.equal(5, last:submit(math.max, 1, 5):get())
    end)

    it("tell which of them an error is from", function()
      local failed = raised(pool.execute, pool, "error('no such luck', 0)")
      assert.is_true(parallel.is_failure(failed, "error"))
      assert.equal("worker 1: no such luck", tostring(failed))
      assert.match("task 1 failed in worker 1: no such luck",
        tostring(raised(pool[1].apply, pool[1], error, "no such luck", 0)))
    end)
  end)
end

describe("push", function()
  it("sends values as they are now, and shared tables once", function()
    local pool, shared = pools.open(2), {}
    local list = {shared, shared}
    pool:push({one = list, two = shared})
    shared.later = true
    assert.same({true, true}, pool:execute("return one[1] == one[2] and one[1] == two and not two.later"))
  end)

  it("takes functions with what they capture", function()
    local pool, n = pools.open(2), 5
    pool:push({add = function(x) return x + n end})
    assert.same({6, 6}, pool:execute("return add(1)"))
  end)

  for _, method in ipairs(METHODS) do
    it("is known to workers that come later: " .. method, function()
      local pool = pools.open({workers = 1, start_method = method})
      pool:push({k = 3, made = {1}})
      pool:push({k = 4})
      assert.equal("died", raised(pool.apply, pool, die).kind)
      assert.same({{1}}, pool:pull("made"))
      pool:resize(2)
      assert.same({4, 4}, pool:pull("k"))
    end)
  end

  it("gives workers that come later the newest value only", function()
    local pool = pools.open(2)
    for i = 1, 100 do pool:push({k = i, [("k%d"):format(i % 3)] = i}) end
    assert.is_true(#pool.crew.globals:all() <= 4)
    pool:resize(3)
    assert.same({100, 100, 100}, pool:pull("k"))
    assert.same({99, 99, 99}, pool:pull("k0"))
  end)

  it("refuses what cannot be sent, with its path", function()
    local pool = pools.open(1)
    local failed = raised(pool.push, pool, {ok = 1, made = {coroutine.create(print)}})
    assert.equal("unsendable", failed.kind)
    assert.match("^values%.made%[1%]: ", failed.message)
  end)
end)

describe("execute", function()
  it("refuses code that does not compile, at the caller's line", function()
    local why = raised(function() pools.open(1):execute("x = = 1") end)
    assert.match("^spec/lua/pool/engines_spec.lua:%d+: .*near '='", why)
  end)
end)

describe("scatter", function()
  local function sizes(pool, n)
    local list = {}
    for i = 1, n do list[i] = i end
    pool:scatter("part", list)
    local made = {}
    for worker, part in ipairs(pool:pull("part")) do made[worker] = #part end
    assert.same(list, pool:gather("part"))
    return table.concat(made, " ")
  end

  it("makes parts whose sizes differ by one at most", function()
    local pool = pools.open(3)
    assert.equal("0 0 0", sizes(pool, 0))
    assert.equal("1 0 0", sizes(pool, 1))
    assert.equal("2 2 1", sizes(pool, 5))
    assert.equal("2 2 2", sizes(pool, 6))
  end)

  it("names an item that cannot be sent by its place in the list", function()
    local pool = pools.open(2)
    local failed = raised(pool.scatter, pool, "part", {1, 2, 3, {x = coroutine.create(print)}})
    assert.match("^list%[4%]%.x: ", failed.message)
  end)

  describe("when a worker has ended", function()
    local pool
    local LOST = "^worker 2 has ended, and what it held of 'part' with it: scatter it again$"

    before_each(function()
      pool = pools.open(2)
      pool:scatter("part", {1, 2, 3})
    end)

    local function end_second()
      assert.equal("SIGKILL", raised(pool[2].apply, pool[2], die).signal)
    end

    it("says at each gather that its part is lost, until it is scattered again", function()
      end_second()
      for _ = 1, 2 do
        local failed = raised(pool.gather, pool, "part")
        assert.equal("died", failed.kind)
        assert.match(LOST, tostring(failed))
      end
      pool:scatter("part", {4, 5, 6})
      assert.same({4, 5, 6}, pool:gather("part"))
    end)

    it("says so once to who uses that worker", function()
      end_second()
      assert.match(LOST, tostring(raised(pool[2].apply, pool[2], type, 1)))
      assert.equal("number", pool[2]:apply(type, 1))
      assert.match(LOST, tostring(raised(pool.pull, pool, "part")))
    end)

    it("says so once to who executes something", function()
      end_second()
      assert.match(LOST, tostring(raised(pool.execute, pool, "return #part")))
      assert.same({1, 1}, pool:execute("return 1"))
    end)

    it("does not mind in the others", function()
      end_second()
      assert.equal(2, pool[1]:apply(function() return #_G.part end))
    end)

    it("sees an end that nobody has noticed yet", function()
      testing.kill(pool:stats()[2].pid, "KILL")
      assert.match("died", raised(pool.gather, pool, "part").kind)
      assert.match(LOST, tostring(raised(pool.gather, pool, "part")))
    end)

    it("does not take the new worker for the old one when something else was scattered", function()
      end_second()
      pool:scatter("other", {1, 2})
      assert.match(LOST, tostring(raised(pool.gather, pool, "part")))
      assert.same({1, 2}, pool:gather("other"))
    end)

    it("has it again when it was pushed", function()
      end_second()
      pool:push({part = {7}})
      assert.same({7, 7}, pool:gather("part"))
    end)
  end)

  it("misses the part of a worker that the pool has no more", function()
    local pool = pools.open(2)
    pool:scatter("part", {1, 2})
    pool:resize(1)
    assert.match("worker 2 has ended", tostring(raised(pool.gather, pool, "part")))
  end)
end)

describe("gather", function()
  it("says where there is no list", function()
    local pool = pools.open(2)
    pool[1]:apply(function() _G.part = {} end)
    assert.match("cannot gather 'part': in worker 2 it is no list, but nil$", raised(pool.gather, pool, "part"))
  end)
end)

describe("pool[i]", function()
  it("refuses a worker that there is not", function()
    local pool = pools.open(2)
    local why = raised(function() return pool[3] end)
    assert.match("^spec/lua/pool/engines_spec.lua:%d+: the pool has no worker 3$", why)
    local third = pools.open(3)
    local engine = third[3]
    third:resize(2)
    assert.match("there is no worker 3 any more: the pool has 2", raised(engine.apply, engine, print))
    third:terminate()
    pool:terminate()
  end)

  it("runs what it is given in turn", function()
    local pool, results = pools.open(2), {}
    pool[1]:apply(function() _G.count = 0 end)
    for i = 1, 20 do
      results[i] = pool[1]:submit(function()
        _G.count = _G.count + 1
        return _G.count
      end)
    end
    for i = 1, 20 do assert.equal(i, results[i]:get()) end
  end)

  it("does not run again what its worker died of", function()
    local pool = pools.open({workers = 1, retries = 3})
    local failed = raised(pool[1].apply, pool[1], die)
    assert.match("^worker 1 %(pid %d+%) was killed by SIGKILL while running task 1$", tostring(failed))
  end)

  it("goes on in the next worker when one retires", function()
    local pool = pools.open({workers = 1, tasks_per_worker = 2})
    local results, pids = {}, {}
    for i = 1, 7 do results[i] = pool[1]:submit(testing.getpid) end
    for i = 1, 7 do pids[i] = results[i]:get() end
    assert.is_true(pids[1] == pids[2] and pids[2] ~= pids[3] and pids[5] == pids[6])
  end)

  it("keeps to the time that a task may take", function()
    local pool = pools.open({workers = 1, timeout = 0.01})
    local failed = raised(pool[1].apply, pool[1], function() while true do end end)
    assert.equal("timeout", failed.kind)
    assert.match("^task 1 timed out after 0.01 s in worker 1", tostring(failed))
  end)

  it("gives up what is cancelled, waiting or running", function()
    local pool = pools.open(1)
    local started = parallel.Event()
    pool:broadcast(type, 1) -- from now on it takes what is submitted at once
    local running = pool[1]:submit(function()
      started:set()
      while true do end
    end)
    local waiting = pool[1]:submit(type, 1)
    started:wait()
    assert.is_true(waiting:cancel())
    assert.equal("cancelled", raised(waiting.get, waiting).kind)
    assert.is_true(running:cancel())
    assert.match("^task 1 was cancelled in worker 1", tostring(raised(running.get, running)))
    assert.equal("number", pool[1]:apply(type, 1))
  end)

  it("cancels what has no result when the pool is terminated", function()
    local pool = pools.open(1)
    local result = pool[1]:submit(function() while true do end end)
    pool:terminate()
    assert.equal("cancelled", raised(result.get, result).kind)
  end)

  it("finishes what was submitted before the pool is closed", function()
    local pool = pools.open(2)
    local result = pool[2]:submit(math.max, 1, 2)
    pool:close()
    assert.equal(2, result:get())
    assert.match("closed pool", raised(pool[2].apply, pool[2], type, 1))
  end)

  it("refuses arguments that cannot be sent, with their path", function()
    local pool = pools.open(1)
    local failed = raised(pool[1].submit, pool[1], type, {coroutine.create(print)})
    assert.match("^cannot send task 1: args%[1%]%[1%]: ", tostring(failed))
  end)
end)
