local parallel = require "parallel"
local child = require "spec.support.child"
local testing = require("parallel.core").testing
local raised = require("spec.support.trials").raised

-- More than anything here takes, however busy the machine is.
local SOON = 5

-- A process that acquires the lock, and then holds it until it is told to end.
local function holder_of(lock)
  local held, done = parallel.Event(), parallel.Event()
  local holder = child.start(function()
    lock:acquire()
    held:set()
    done:wait()
    lock:release()
  end)
  assert.is_true(held:wait(SOON))
  holder.done = done
  return holder
end

for _, kind in ipairs({"Lock", "RLock"}) do
  describe("parallel." .. kind, function()
    it("is had by one process at a time", function()
      local lock = parallel[kind]()
      local holder = holder_of(lock)
      assert.is_false(lock:acquire(0))
      assert.is_false(lock:acquire(0.001))
      assert.is_false(lock:acquire(-1))
      holder.done:set()
      assert.is_true(lock:acquire())
      lock:release()
      holder:finish()
    end)

    it("is not released by one who does not hold it", function()
      local lock = parallel[kind]()
      local wanted = "lock_spec.lua:%d+: attempt to release a lock that this process does not hold"
      assert.match(wanted, raised(function() lock:release() end))
      lock:acquire()
      child.start(function() assert.match(wanted, raised(function() lock:release() end)) end):finish()
      lock:release()
      assert.match(wanted, raised(function() lock:release() end))
    end)

    it("is not held by a child forked meanwhile", function()
      local lock = parallel[kind]()
      lock:acquire()
      child.start(function() assert.is_false(lock:acquire(0)) end):finish()
      lock:release()
    end)

    it("is abandoned by a holder that dies, once", function()
      local lock = parallel[kind]()
      holder_of(lock):kill()
      assert.same({true, "abandoned"}, {lock:acquire(SOON)})
      lock:release()
      assert.same({true}, {lock:acquire(SOON)})
      lock:release()
    end)

    it("is abandoned by a dead holder that nobody has waited for", function()
      local lock = parallel[kind]()
      local holder = holder_of(lock)
      testing.kill(holder.pid, "KILL")
      assert.same({true, "abandoned"}, {lock:acquire(SOON)})
      holder:wait()
      lock:release()
    end)

    it("is not abandoned by a holder that is stopped", function()
      local lock = parallel[kind]()
      local holder = holder_of(lock)
      testing.kill(holder.pid, "STOP")
      assert.is_false(lock:acquire(0.07))
      holder:kill()
    end)

    it("counts right what many do in turns", function()
      local lock, path = parallel[kind](), os.getenv("TMPDIR") .. "/counter"
      local function write(n)
        local file = io.open(path, "w")
        file:write(n)
        file:close()
      end
      local function read()
        local file = io.open(path)
        local n = file:read("*n")
        file:close()
        return n
      end
      write(0)
      local others = {}
      for i = 1, 4 do
        others[i] = child.start(function()
          for _ = 1, 50 do lock:with(function() write(read() + 1) end) end
        end)
      end
      for _, other in ipairs(others) do other:finish() end
      assert.equal(200, read())
      os.remove(path)
    end)

    it("hands over what `with` is given and gets, and is released also by an error", function()
      local lock = parallel[kind]()
      assert.same({1, nil, 3}, {lock:with(function(...)
        assert.is_true(lock:is_held())
        return ...
      end, 1, nil, 3)})
      assert.is_false(lock:is_held())
      local problem = {}
      assert.equal(problem, raised(lock.with, lock, error, problem))
      assert.match("bad argument #1 to 'with'", raised(lock.with, lock, 5))
      assert.is_false(lock:is_held())
    end)

    it("has guards, which release it once", function()
      local lock = parallel[kind]()
      local guard = lock:guard()
      assert.is_true(lock:is_held())
      guard:close()
      guard:close()
      assert.is_false(lock:is_held())
      assert.is_function(getmetatable(guard).__close)
    end)

    it("cannot be used once closed, and close gives it to others", function()
      local lock = parallel[kind]()
      local copy = holder_of(lock)
      copy.done:set()
      copy:finish()
      lock:acquire()
      local waiting = child.start(function() assert.same({true}, {lock:acquire(SOON)}) end)
      lock:close()
      lock:close()
      waiting:finish()
      assert.match("attempt to use a closed lock", raised(lock.acquire, lock))
    end)

    it("refuses timeouts that are none", function()
      local lock = parallel[kind]()
      assert.match("a timeout cannot be NaN", raised(lock.acquire, lock, 0 / 0))
      assert.match("number expected, got string", raised(lock.acquire, lock, "soon"))
    end)
  end)
end

describe("parallel.RLock", function()
  it("is released as often as it was acquired", function()
    local lock = parallel.RLock()
    lock:acquire()
    lock:acquire()
    lock:release()
    child.start(function() assert.is_false(lock:acquire(0)) end):finish()
    lock:release()
    child.start(function() assert.is_true(lock:acquire(0)) end):finish()
  end)
end)

describe("parallel.Lock", function()
  it("is not acquired twice", function()
    local lock = parallel.Lock()
    lock:acquire()
    assert.is_false(lock:acquire(0.001))
    lock:release()
  end)
end)

describe("parallel.Semaphore", function()
  it("lets so many have a unit", function()
    local semaphore = parallel.Semaphore(2)
    assert.is_true(semaphore:acquire())
    child.start(function() assert.is_true(semaphore:acquire()) end):finish()
    assert.is_false(semaphore:acquire(0))
    assert.is_false(semaphore:acquire(0.001))
    assert.equal(0, semaphore:value())
  end)

  it("has one unit when not told how many", function()
    assert.equal(1, parallel.Semaphore():value())
    assert.equal(0, parallel.Semaphore(0):value())
  end)

  it("wakes one that waits for a unit", function()
    local semaphore = parallel.Semaphore(0)
    local other = child.start(function() assert.is_true(semaphore:acquire(SOON)) end)
    semaphore:release()
    other:finish()
    assert.equal(0, semaphore:value())
  end)

  it("takes units from any process, more than there were too", function()
    local semaphore = parallel.Semaphore(1)
    child.start(function() semaphore:release() end):finish()
    assert.equal(2, semaphore:value())
  end)

  it("keeps the units of the dead taken", function()
    local semaphore = parallel.Semaphore(1)
    child.start(function() semaphore:acquire() end):finish()
    assert.is_false(semaphore:acquire(0.06))
  end)

  it("is never above its bound when it has one", function()
    local semaphore = parallel.BoundedSemaphore(1)
    assert.match("lock_spec.lua:%d+: attempt to release a semaphore too often",
      raised(function() semaphore:release() end))
    semaphore:acquire()
    semaphore:release()
    assert.equal(1, semaphore:value())
  end)

  it("has guards and `with`", function()
    local semaphore = parallel.BoundedSemaphore(1)
    assert.equal(0, semaphore:with(semaphore.value, semaphore))
    local guard = semaphore:guard()
    assert.equal(0, semaphore:value())
    guard:close()
    assert.equal(1, semaphore:value())
  end)

  it("refuses what is no number of units", function()
    for _, bad in ipairs({-1, 1.5, 2 ^ 40, 1e300, "many"}) do assert.has_error(function() parallel.Semaphore(bad) end) end
  end)
end)
