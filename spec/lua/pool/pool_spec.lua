local parallel = require "parallel"
local testing = require("parallel.core").testing
local trials = require "spec.support.trials"

local raised, count_to = trials.raised, trials.count_to
local unpack = table.unpack or unpack

local pool

local function open(options)
  pool = parallel.Pool(options or 2)
  return pool
end

local function square(x) return x * x end

local function die() testing.kill(testing.getpid(), "KILL") end

-- The same interface with and without processes.
for _, workers in ipairs({2, 0}) do
  describe(("Pool with %d workers"):format(workers), function()
    before_each(function() open(workers) end)
    after_each(function() pool:close() end)

    it("applies a function to arguments and returns all its results, nils too", function()
      assert.same({n = 4, 1, nil, 3, nil},
        (table.pack or function(...) return {n = select("#", ...), ...} end)(
          pool:apply(function(...) return ... end, 1, nil, 3, nil)))
    end)

    it("maps in the order of the items, whatever their number", function()
      for _, n in ipairs({0, 1, 2, 7, 1000}) do
        local results = pool:map(square, count_to(n))
        assert.equal(n, results.n)
        for i = 1, n do assert.equal(i * i, results[i]) end
      end
    end)

    it("maps over an iterator and over a list with holes", function()
      local i = 0
      assert.same({n = 3, 1, 4, 9}, pool:map(square, function()
        i = i + 1
        return i <= 3 and i or nil
      end))
      assert.same({n = 3, "nil", "number", "nil"}, pool:map(type, {n = 3, nil, 2, nil}))
    end)

    it("unpacks tuples", function()
      assert.same({n = 2, 3, 7}, pool:starmap(function(a, b) return a + b end, {{1, 2}, {3, 4}}))
      assert.match("^task 2 failed in worker %d: a tuple must be a table, got string$",
        tostring(raised(pool.starmap, pool, os.time, {{}, "x"})))
      for _, n in ipairs({-1, 2.5, 2 ^ 31, "2"}) do
        assert.match("a tuple's n must be a whole number, got " .. tostring(n):gsub("%p", "%%%0") .. "$",
          tostring(raised(pool.starmap, pool, os.time, {{n = n}})))
      end
      local function count(...) return select("#", ...) end
      assert.same({n = 2, 3, 0}, pool:starmap(count, {{nil, 2, nil, n = 3}, {n = 0}}))
    end)

    it("iterates in order, and as results come", function()
      local ordered, sum = {}, 0
      for i, v in pool:imap(square, count_to(20)) do ordered[i] = v end
      assert.equal(20, #ordered)
      for _, v in pool:imap_unordered(square, count_to(20)) do sum = sum + v end
      assert.equal(2870, sum)
      assert.equal(20, pool:each(square, count_to(20)))
    end)

    it("reads items lazily, at most a window ahead", function()
      local pulled = 0
      local function items()
        pulled = pulled + 1
        return pulled
      end
      for i in pool:imap(square, items, {window = 5}) do
        assert.is_true(pulled <= i + 5)
        if i == 50 then break end
      end
    end)

    it("reads an endless input only so far ahead, whatever else it does", function()
      local pulled = 0
      local step = pool:imap(square, function()
        pulled = pulled + 1
        return pulled
      end, {chunksize = 1})
      for i = 1, 10 do assert.equal(i, (step())) end
      for _ = 1, 1000 do pool:apply(square, 1) end
      assert.is_true(pulled <= 10 + 256 * 2, pulled)
    end)

    it("has a window for lists too", function()
      assert.same({n = 5, 1, 4, 9, 16, 25}, pool:map(square, count_to(5), {window = 2}))
      assert.same({n = 5, 1, 4, 9, 16, 25}, pool:map_async(square, count_to(5), {window = 2}):get())
    end)

    it("gives results as they come when they need not be in order", function()
      local function late(x) return x end
      local list = pool:map(late, count_to(20), {ordered = false, chunksize = 1})
      table.sort(list)
      assert.same({n = 20, unpack(count_to(20))}, list)
      local seen = {}
      for i, x in pool:imap(late, count_to(20), {ordered = false, chunksize = 1}) do seen[i] = x end
      assert.same(count_to(20), seen)
      list = pool:map_async(function(x) return x ~= 2 and x or error("two") end,
        {1, 2, 3}, {ordered = false, on_error = "skip", chunksize = 1}):get()
      table.sort(list)
      assert.same({n = 2, 1, 3}, list)
    end)

    it("uses what a closure captures at the moment of the call", function()
      local k = 3
      local function times(x) return x * k end
      assert.equal(6, pool:apply(times, 2))
      k = 10
      assert.equal(20, pool:apply(times, 2))
      local result = pool:submit(times, 2)
      k = 100
      assert.equal(20, result:get())
    end)

    it("takes arguments as they are at the moment of the call", function()
      local list = {1}
      local results = {}
      for i = 1, 10 do
        list[1] = i
        results[i] = pool:submit(function(t) return t[1] end, list)
      end
      for i = 1, 10 do assert.equal(i, results[i]:get()) end
    end)

    it("raises a Failure that tells task, worker and place", function()
      local problem = raised(pool.map, pool, function(x)
        if x == 3 then error("three is unlucky") end
        return x
      end, {1, 2, 3, 4})
      assert.is_true(parallel.is_failure(problem, "error"))
      assert.equal(3, problem.index)
      assert.match("^task 3 failed in worker %d: .*pool_spec.lua:%d+: three is unlucky$", tostring(problem))
      assert.match("pool_spec.lua", problem.traceback)
    end)

    it("takes large arguments, alone and among others", function()
      local large = ("x"):rep(1e6)
      assert.equal(1e6, pool:apply(function(s) return #s end, large))
      local results = {}
      for i = 1, 20 do results[i] = pool:submit(function(s, n) return #s + n end, large:sub(1, i * 1e4), i) end
      for i = 1, 20 do assert.equal(i * 1e4 + i, results[i]:get()) end
    end)

    it("keeps an error value that is a table", function()
      local problem = raised(pool.apply, pool, function() error({code = 7}) end)
      assert.same({code = 7}, problem.value)
    end)

    it("collects or skips failures when asked", function()
      local function odd(x) return x % 2 == 1 and x or error("even") end
      local collected = pool:map(odd, {1, 2, 3}, {on_error = "collect"})
      assert.equal(1, collected[1])
      assert.is_true(parallel.is_failure(collected[2]))
      assert.equal(3, collected.n)
      assert.same({n = 2, 1, 3}, pool:map(odd, {1, 2, 3}, {on_error = "skip"}))
    end)

    it("raises the failure of the lowest index", function()
      for _ = 1, 20 do
        local problem = raised(pool.map, pool, function(x) error(x) end, count_to(5), {chunksize = 1})
        assert.equal(1, problem.index)
      end
    end)

    it("raises what the input raises, after the outcomes of what came before", function()
      local seen, i = {}, 0
      local problem = raised(function()
        for n, v in pool:imap(square, function()
          i = i + 1
          if i > 3 then error("no more input", 0) end
          return i
        end) do seen[n] = v end
      end)
      assert.equal("no more input", problem)
      assert.same({1, 4, 9}, seen)
    end)

    it("tells the path of what cannot be sent, and sends nothing", function()
      local co = coroutine.create(print)
      assert.equal("cannot send task 1: args[2].hooks[1]: a coroutine cannot leave its process",
        tostring(raised(pool.apply, pool, print, 1, {hooks = {co}})))
      assert.match("function: .*co.*: a coroutine cannot leave its process",
        tostring(raised(pool.apply, pool, function() return co end)))
      assert.match("cannot send the result of task %d: result.*coroutine",
        tostring(raised(pool.apply, pool, function() return coroutine.create(print) end)))
      assert.match("cannot send task 2: args%[1%]: a coroutine",
        tostring(raised(pool.map, pool, tostring, {1, co, 3})))
    end)

    it("keeps what cannot be sent for who asks for the result", function()
      local co, told = coroutine.create(print), {}
      local function tell(failed) table.insert(told, failed) end
      local results = {
        pool:submit(print, co),
        pool:submit(function() return co end),
        pool:apply_async(print, {co}, {error_callback = tell, label = "odd"}),
        pool:map_async(function() return co end, {1}, {error_callback = tell}),
      }
      for _, result in ipairs(results) do
        assert.is_true(result:ready())
        assert.is_false(result:successful())
        assert.equal("unsendable", raised(result.get, result).kind)
      end
      assert.equal("odd", told[1].label)
      assert.equal(2, #told)
      assert.equal(3, results[3].index)
      assert.equal(9, pool:submit(square, 3):get())
    end)

    it("calls back in the process that waits, and keeps what a callback raises", function()
      local got
      local result = pool:apply_async(square, {4}, {callback = function(v) got = v end})
      result:get()
      assert.equal(16, got)
      result = pool:apply_async(square, {4}, {callback = function() error("oops", 0) end})
      assert.equal(16, result:get())
      assert.equal("oops", result.callback_error)
      local failed
      pool:apply_async(error, {"x"}, {error_callback = function(f) failed = f end, label = "l"}):wait()
      assert.equal("l", failed.label)
    end)

    it("folds in order, given only that the function is associative", function()
      local letters = {}
      for i = 1, 600 do letters[i] = string.char(97 + i % 26) end
      local function join(a, b) return a .. b end
      assert.equal(table.concat(letters), pool:reduce(join, letters))
      local whole = pool:reduce(join, {"a", "b"}, {init = "-", final = function(s) return s .. "!" end})
      assert.equal("-ab!", whole)
      assert.equal(0, pool:reduce(join, {}, {init = 0}))
      assert.match("empty input without init", raised(pool.reduce, pool, join, {}))
    end)

    it("hands out results as they are completed", function()
      local results, seen = {}, {}
      for i = 1, 10 do results[i] = pool:submit(square, i) end
      for result in parallel.as_completed(results) do seen[result.index] = result:get() end
      assert.equal(10, #seen)
    end)

    it("hands out any number of results in no time", function()
      local results, count = {}, 0
      for i = 1, 30000 do results[i] = pool:submit(square, 2) end
      results[#results]:wait()
      local began = os.clock()
      for _ in parallel.as_completed(results) do count = count + 1 end
      assert.equal(30000, count)
      assert.is_true(os.clock() - began < 1)
    end)

    it("hands out a result once, however often it is asked for", function()
      local result, times = pool:submit(square, 3), 0
      for found in parallel.as_completed({result, result, pool:submit(square, 4), result}) do
        if found == result then times = times + 1 end
      end
      assert.equal(1, times)
    end)

    it("maps without waiting", function()
      local result = pool:map_async(square, count_to(100))
      assert.equal(10000, result:get()[100])
      assert.is_true(result:ready() and result:successful())
      assert.same({n = 0}, pool:map_async(square, {}):get())
    end)

    it("refuses bad arguments at the caller's line", function()
      local cases = {
        {"bad argument #2 to 'map' %(function expected, got string%)", function() pool:map("f", {}) end},
        {"bad argument #3 to 'map' %(table or iterator expected, got no value%)",
         function() pool:map(print) end},
        {"bad argument #2 to 'submit'", function() pool:submit(nil) end},
        {"chunksize must be a whole number", function() pool:map(print, {}, {chunksize = 0}) end},
        {"chunksize must be a whole number", function() pool:imap(print, {}, {chunksize = 1.5}) end},
        {"on_error must be one of", function() pool:map(print, {}, {on_error = "x"}) end},
        {"bad argument #4 to 'each' %(unknown option 'chunk_size'%)",
         function() pool:each(print, {}, {chunk_size = 1}) end},
        {"bad argument #4 to 'imap' %(table expected, got number%)", function() pool:imap(print, {}, 5) end},
        {"callback must be a function, got string",
         function() pool:apply_async(print, {}, {callback = "x"}) end},
        {"bad argument #3 to 'map' %(the list's n must be a whole number, at least 0, got x%)",
         function() pool:map(print, {1, n = "x"}) end},
        {"the list's n must be a whole number", function() pool:apply_async(print, {n = -1}) end},
        {"bad argument #3 to 'apply_async' %(1000000000 arguments are too many for a call%)",
         function() pool:apply_async(print, {n = 1e9}) end},
        {"initargs's n must be a whole number", function() parallel.Pool({initargs = {n = 0.5}}) end},
        {"pool expected, got table", function() pool.map({}, print, {}) end},
        {"pool expected, got function", function() pool.map(print, {}) end},
        {"pool expected, got nil", function() pool.close() end},
      }
      for _, case in ipairs(cases) do
        local message = raised(case[2])
        assert.match(case[1], message)
        assert.match("^spec/lua/pool/pool_spec.lua:%d+:", message)
      end
    end)

    it("cannot be used when it is closed, and closes twice", function()
      pool:close()
      pool:close()
      assert.match("attempt to use a closed pool$", raised(pool.apply, pool, print))
    end)

    it("finishes what was submitted before it closes", function()
      local results = {}
      for i = 1, 50 do results[i] = pool:submit(square, i) end
      pool:close()
      for i = 1, 50 do assert.equal(i * i, results[i]:get()) end
    end)

    it("runs the same with every chunk size", function()
      for _, chunksize in ipairs({1, 2, 3, 7, 100}) do
        local results = pool:map(square, count_to(50), {chunksize = chunksize})
        for i = 1, 50 do assert.equal(i * i, results[i]) end
      end
    end)
  end)
end

describe("one-shot helpers", function()
  it("make a pool, use it and close it", function()
    assert.same({n = 3, 1, 4, 9}, parallel.map(square, {1, 2, 3}, {workers = 2}))
    assert.same({n = 1, 3}, parallel.starmap(function(a, b) return a + b end, {{1, 2}}, {workers = 1}))
    assert.equal(6, parallel.reduce(function(a, b) return a + b end, {1, 2, 3}, {workers = 1}))
    local seen = {}
    for i, v in parallel.imap(square, {1, 2, 3}, {workers = 2}) do seen[i] = v end
    assert.same({1, 4, 9}, seen)
  end)

  it("end their workers when an iteration is left", function()
    local path = os.getenv("TMPDIR") .. "/left"
    local step, _, _, rest = parallel.imap(square, function() return 1 end, {
      workers = 1, finalizer = function() io.open(path, "w"):close() end})
    assert.same({1, 1}, {step()})
    rest:close()
    assert.is_true(os.remove(path))
  end)

  it("refuse wrong arguments by their own name, at the caller's line", function()
    for expected, call in pairs({
      ["bad argument #3 to 'map' %(unknown option 'processes'%)"] = function()
        parallel.map(square, {1}, {processes = 2})
      end,
      ["bad argument #3 to 'map' %(workers must be a whole number, got 0.5%)"] = function()
        parallel.map(square, {1}, {workers = 0.5})
      end,
      ["bad argument #3 to 'imap' %(window must be a whole number, at least 1, got 0%)"] = function()
        parallel.imap(square, {1}, {window = 0})
      end,
      ["reduce of an empty input without init"] = function() parallel.reduce(math.max, {}, {workers = 1}) end,
    }) do
      assert.match("^spec/lua/pool/pool_spec.lua:%d+: " .. expected, raised(call))
    end
  end)

  it("leave nothing behind when a task fails", function()
    assert.equal("error", raised(parallel.map, error, {1}, {workers = 2}).kind)
  end)

  it("close what was opened with `with`, whatever happens", function()
    local kept
    assert.equal(4, parallel.with(parallel.Pool(1), function(p)
      kept = p
      return p:apply(square, 2)
    end))
    assert.match("closed pool", raised(kept.apply, kept, square, 2))
    assert.equal("oops", raised(parallel.with, parallel.Pool(1), function() error("oops", 0) end))
    local connection = parallel.Pipe()
    assert.equal("oops", raised(parallel.with, connection, function() error("oops", 0) end))
    assert.is_true(connection.closed)
    assert.match("bad argument #1 to 'with'", raised(parallel.with, 5, print))
  end)
end)

describe("Pool", function()
  after_each(function()
    testing.fault(nil)
    if pool then pool:terminate() end
    pool = nil
  end)

  it("has as many workers as asked for", function()
    assert.equal(3, open({workers = 3, backend = "local"}).workers)
    assert.equal("pool of 3 workers", tostring(pool))
    assert.equal(3, pool:count())
    local pids = pool:broadcast(testing.getpid)
    assert.is_true(#pids == 3 and pids[1] ~= pids[2] and pids[2] ~= pids[3] and pids[1] ~= pids[3])
  end)

  it("runs initializer and finalizer in every worker", function()
    open({workers = 2, initializer = function(a, b) _G.ready = a + b end, initargs = {1, 2}})
    assert.same({3, 3}, pool:broadcast(function() return _G.ready end))
  end)

  it("raises at once what the initializer raised", function()
    for _, workers in ipairs({2, 0}) do
      local failed = raised(parallel.Pool,
        {workers = workers, initializer = function() error("no database", 0) end})
      assert.match("no database", tostring(failed))
      assert.is_true(parallel.is_failure(failed, "error"))
      assert.equal("no database", failed.value)
      failed = raised(parallel.Pool, {workers = workers, initializer = function() error({code = 3}) end})
      assert.same({code = 3}, failed.value)
    end
  end)

  it("refuses unknown options", function()
    assert.match("unknown option 'wrokers'", raised(parallel.Pool, {wrokers = 2}))
    assert.match("workers must be a whole number, got 1.5", raised(parallel.Pool, 1.5))
    assert.match("backend must be one of local, got x", raised(parallel.Pool, {backend = "x"}))
  end)

  it("is refused in a process that was forked from its own", function()
    open(1)
    local path = os.getenv("TMPDIR") .. "/message"
    local pid = testing.fork()
    if pid == 0 then
      local file = io.open(path, "w")
      file:write(raised(pool.apply, pool, print))
      file:close()
      die()
    end
    testing.wait(pid)
    local file = io.open(path)
    assert.equal(("this pool belongs to process %d"):format(testing.getpid()), file:read("*a"))
    file:close()
    os.remove(path)
  end)

  it("that a function captures tells in the worker whose it is", function()
    open(1)
    assert.equal(("this pool belongs to process %d"):format(testing.getpid()),
      select(2, pool:apply(function() return pcall(pool.apply, pool, print) end)))
    assert.equal(("pool of process %d"):format(testing.getpid()), pool:apply(function() return tostring(pool) end))
  end)

  it("that a function captures is itself without workers", function()
    open(0)
    assert.equal(5, pool:apply(function() return pool:apply(math.abs, -5) end))
  end)

  describe("when workers die", function()
    it("charges the item that ran, and no other", function()
      open(2)
      local results = pool:map(function(x)
        if x == 50 then die() end
        return x
      end, count_to(100), {on_error = "collect"})
      for i = 1, 100 do
        if i ~= 50 then assert.equal(i, results[i]) end
      end
      assert.match("^worker %d %(pid %d+%) was killed by SIGKILL while running task 50$",
        tostring(results[50]))
      assert.equal("died", results[50].kind)
      assert.equal("SIGKILL", results[50].signal)
    end)

    it("runs the item again as often as it is allowed to", function()
      open({workers = 2, retries = 2})
      local path = os.getenv("TMPDIR") .. "/tries"
      local function die_twice()
        local file = io.open(path, "a+")
        file:write("x")
        file:flush()
        file:seek("set")
        local tries = #file:read("*a")
        file:close()
        if tries < 3 then die() end
        return tries
      end
      assert.equal(3, pool:apply(die_twice))
      os.remove(path)
    end)

    it("settles every item once when all of them crash", function()
      open(2)
      local results = pool:map(die, count_to(100), {on_error = "collect"})
      assert.equal(100, results.n)
      for i = 1, 100 do assert.equal("died", results[i].kind) end
    end)

    it("tells the status of a task that calls os.exit", function()
      open(1)
      assert.match("exited with status 3 while running task 1$",
        tostring(raised(pool.apply, pool, os.exit, 3)))
    end)

    for _, point in ipairs({"task.read", "task.begin", "task.done", "result.begin", "result.sent"}) do
      it("loses nothing but what ran, killed at " .. point, function()
        testing.fault(point .. ":kill@7")
        open({workers = 2, retries = 1})
        local results = pool:map(square, count_to(500))
        for i = 1, 500 do assert.equal(i * i, results[i]) end
      end)
    end
  end)

  it("cancels what has no result when it is terminated", function()
    open(1)
    local result = pool:submit(function() while true do end end)
    pool:terminate()
    assert.equal("cancelled", raised(result.get, result).kind)
  end)

  it("says that waiting ran out, and goes on", function()
    open(1)
    local result = pool:submit(function()
      os.execute("sleep 0.05")
      return 1
    end)
    assert.is_true(parallel.is_failure(raised(result.get, result, 0), "timeout"))
    assert.equal(1, result:get())
  end)

  it("ends a map whose input ends when all that came before has its result", function()
    open(1)
    local i = 0
    local result = pool:map_async(square, function()
      i = i + 1
      return i <= 3 and i or nil
    end, {window = 1})
    assert.same({1, 4, 9, n = 3}, result:get())
  end)

  it("ends an abandoned iteration without a hang", function()
    open(2)
    for i in pool:imap(square, count_to(1000)) do
      if i == 3 then break end
    end
    pool:close()
  end)

  for _, name in ipairs({"imap", "imap_unordered"}) do
    it(("stops what an abandoned %s runs, however long it would take"):format(name), function()
      open(1)
      local step, _, _, loop = pool[name](pool, function(x)
        while x > 1 do end
        return x
      end, count_to(10))
      assert.same({1, 1}, {step()})
      loop:close()
      assert.equal(4, pool:submit(square, 2):get(10))
      assert.is_true(pool:close())
    end)
  end

  it("hands on a Failure that a task met", function()
    open(1)
    local failed = raised(pool.apply, pool, function()
      local inner = parallel.Pool(1)
      inner:apply(error, "within")
    end)
    assert.is_true(parallel.is_failure(failed.value, "error"))
    assert.match("^task 1 failed in worker 1: .*within", tostring(failed.value))
  end)

  it("can be made in a worker", function()
    open(1)
    assert.equal(14, pool:apply(function()
      local inner = require("parallel").Pool(2)
      local sum = 0
      for _, v in inner:imap(function(x) return x * x end, {1, 2, 3}) do sum = sum + v end
      inner:close()
      return sum
    end))
  end)

  it("runs what waits with the captures of its own call", function()
    open(1)
    local k, results = 0, {}
    local function f() return k end
    for i = 1, 20 do
      k = i
      results[i] = pool:submit(f)
    end
    for i = 1, 20 do assert.equal(i, results[i]:get()) end
  end)

  it("sends a function once, and forgets versions that were replaced", function()
    open(2)
    local k = 0
    local function f() return k end
    for i = 1, 50 do
      k = i
      assert.equal(i, pool:apply(f))
    end
    local versions = 0
    for _ in pairs(pool.crew.functions.versions) do versions = versions + 1 end
    assert.equal(1, versions)
  end)
end)
