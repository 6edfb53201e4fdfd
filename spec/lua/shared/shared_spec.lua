-- What is shared gets to other processes: inherited, or sent with a task.
local parallel = require "parallel"
local raised = require("spec.support.trials").raised

local SOON = 5

local pool

describe("a shared object", function()
  before_each(function()
    pool = parallel.Pool(2)
    pool:broadcast(type, 1) -- from now on they take what is submitted at once
  end)
  after_each(function()
    pool:close()
    pool = nil -- with what it remembers of the tasks
  end)

  for _, name in ipairs({"Lock", "RLock", "Semaphore"}) do
    it(("is sent: %s"):format(name), function()
      local lock = parallel[name]()
      pool:apply(function(theirs) theirs:acquire() end, lock)
      if name == "Semaphore" then assert.is_false(lock:acquire(0))
      else assert.is_false(lock:acquire(0.001)) end
    end)
  end

  it("is sent: Event", function()
    local event = parallel.Event()
    local later = pool:submit(function(theirs) return theirs:wait(SOON) end, event)
    event:set()
    assert.is_true(later:get())
  end)

  it("is sent: Queue, in an upvalue", function()
    local queue = parallel.Queue(3)
    pool:map(function(i) queue:put(i, SOON) end, {1, 2, 3})
    local sum = queue:get(0) + queue:get(0) + queue:get(0)
    assert.equal(6, sum)
  end)

  it("is sent: Condition, with its lock", function()
    local condition = parallel.Condition()
    local here = parallel.Event()
    local later = pool:submit(function(theirs)
      theirs:acquire()
      here:set()
      local ok = theirs:wait(SOON)
      theirs:release()
      return ok
    end, condition)
    here:wait(SOON)
    condition:with(function() condition:notify() end)
    assert.is_true(later:get())
  end)

  it("is sent: Barrier, with its action", function()
    local acted = parallel.Event()
    local barrier = parallel.Barrier(2, function() acted:set() end)
    local other = pool:submit(function(theirs) return theirs:wait(SOON) end, barrier)
    local places = {[barrier:wait(SOON)] = true, [other:get()] = true}
    assert.same({true, true}, places)
    assert.is_true(acted:is_set())
    assert.equal(2, barrier.parties)
  end)

  it("is abandoned by a worker that dies with it", function()
    local lock = parallel.Lock()
    raised(pool.apply, pool, function(theirs)
      theirs:acquire()
      require("parallel.core").testing.kill(require("parallel.core").testing.getpid(), "KILL")
    end, lock)
    assert.same({true, "abandoned"}, {lock:acquire(SOON)})
    lock:release()
  end)

  it("is the same that was inherited", function()
    local lock = parallel.Lock()
    local inheriting = parallel.Pool({workers = 1,
      initializer = function() package.loaded.inherited = lock end})
    assert.is_true(inheriting:apply(function(sent) return sent == require("inherited") end, lock))
    inheriting:close()
  end)
end)

for _, method in ipairs({"template", "spawn"}) do
  describe("a worker started by " .. method, function()
    before_each(function() pool = parallel.Pool({workers = 1, start_method = method}) end)
    after_each(function()
      pool:close()
      pool = nil
    end)

    it("can do all with what it is sent", function()
      local lock, condition, barrier = parallel.Lock(), parallel.Condition(), parallel.Barrier(1)
      local queue = parallel.Queue()
      local got = pool:apply(function(theirs, c, b, q)
        local held = theirs:with(function() return theirs:is_held() end)
        local ok, why = c:with(c.wait, c, 0)
        q:put("hello")
        return {held, ok == nil and why, b:wait(), b.parties}
      end, lock, condition, barrier, queue)
      assert.same({true, "timeout", 1, 1}, got)
      assert.equal("hello", queue:get(0))
    end)
  end)
end
