-- Who runs what when some tasks take long: nobody is idle while a task waits for somebody else.
local kept = require "spec.support.kept"
local parallel = require "parallel"
local pools = require "spec.support.pools"
local testing = require("parallel.core").testing
local trials = require "spec.support.trials"

local count_to, keep = trials.count_to, kept.keep

local seen = parallel.Queue() -- for the whole file: it stays open until it is collected

local function small(x) return x end

-- Afterwards chunks of many tasks are made.
local function let_it_learn(pool)
  for _ = 1, 3 do
    local results = {}
    for i = 1, 2000 do results[i] = pool:submit(small, i) end
    for i = 1, 2000 do results[i]:get() end
  end
end

describe("a task", function()
  after_each(kept.close)

  it("begins before the owner waits for anything", function()
    local begun = keep(parallel.Semaphore(0))
    local pool = pools.open(2)
    pool:submit(function() begun:release() end)
    while begun:value() == 0 do end
    pool:submit(function(n) for _ = 1, n do begun:release() end end, 2)
    while begun:value() < 3 do end
  end)

  it("begins though the first worker cannot be started", function()
    testing.fault("worker.begin:killchild@1")
    local pool = pools.open(2)
    local results = {}
    for i = 1, 4 do results[i] = pool:submit(small, i) end
    for i = 1, 4 do assert.equal(i, results[i]:get()) end
    assert.equal(0, pool:stats().failed)
  end)

  for workers = 2, 4 do
    it(("can wait for others that run beside it, with %d workers"):format(workers), function()
      local pool, barrier = pools.open(workers), keep(parallel.Barrier(workers))
      local gate = keep(parallel.Event())
      local function meet() return barrier:wait() end
      let_it_learn(pool)
      for _ = 1, 2 * workers do pool:submit(function() gate:wait() end) end
      local results, met = {}, 0
      for i = 1, 15 * workers do results[i] = pool:submit(meet) end -- in chunks, since all are busy
      gate:set()
      for i = 1, 15 * workers do met = met + (results[i]:get() == 1 and 1 or 0) end
      assert.equal(15, met)
    end)
  end

  it("can wait for the one behind it", function()
    local pool, event, gate = pools.open(2), keep(parallel.Event()), keep(parallel.Event())
    let_it_learn(pool)
    for _ = 1, 4 do pool:submit(function() gate:wait() end) end
    for i = 1, 200 do pool:submit(small, i) end
    local function wait_or_set(waits) return waits and event:wait() or event:set() end
    local long = pool:submit(wait_or_set, true)
    pool:submit(wait_or_set, false)
    for i = 1, 200 do pool:submit(small, i) end
    gate:set()
    assert.is_true(long:get())
  end)

  it("can wait for one that is overtaken by what its owner asks for time and again", function()
    local pool, event = pools.open(2), keep(parallel.Event())
    local function set() event:set() end
    pool:submit(function() return event:wait() end)
    pool:apply(small, 1)
    pool:submit(small, 2)
    pool:submit(set)
    while not event:is_set() do pool:apply(small, 3) end
  end)
end)

describe("the items of a chunk", function()
  after_each(kept.close)

  it("go to those who have nothing, be the chunk all there is", function()
    local pool, barrier = pools.open(3), keep(parallel.Barrier(3))
    local places = pool:map(function() return barrier:wait() end, count_to(9), {chunksize = 9})
    table.sort(places)
    assert.same({1, 1, 1, 2, 2, 2, 3, 3, 3, n = 9}, places)
  end)

  it("are each run once, whoever takes them from whom", function()
    local pool = pools.open(4)
    testing.fault("item.claim:delay1@3,item.claim:delay2@50,relief.cut:delay1@*")
    local results = pool:map(function(i)
      seen:put(i)
      local sum = 0
      for j = 1, i % 7 * 3000 do sum = sum + j end
      return sum >= 0 and i
    end, count_to(400), {chunksize = 200})
    local runs = {}
    for _ = 1, seen:qsize() do runs[#runs + 1] = seen:get() end
    table.sort(runs)
    assert.same(count_to(400), runs)
    runs.n = 400
    assert.same(runs, results)
  end)

  it("are not lost with workers that die between two of them", function()
    testing.fault("item.claim:killchild@20,item.claim:killchild@45")
    local pool = pools.open(3)
    local results = pool:map(function(i)
      local sum = 0
      for j = 1, 50000 do sum = sum + j end
      return sum > 0 and i
    end, count_to(60), {chunksize = 60})
    local expected = count_to(60)
    expected.n = 60
    assert.same(expected, results)
  end)

  it("that were cancelled stay so when the others move", function()
    local pool, event = pools.open(2), keep(parallel.Event())
    let_it_learn(pool)
    local results = {}
    for i = 1, 40 do results[i] = pool:submit(function(j) return event:wait() and j end, i) end
    for i = 10, 40, 3 do assert.is_true(results[i]:cancel()) end
    event:set()
    for i = 1, 40 do
      if i >= 10 and (i - 10) % 3 == 0 then
        assert.equal("cancelled", trials.raised(results[i].get, results[i]).kind)
      else
        assert.equal(i, results[i]:get())
      end
    end
  end)

  it("keep their limits with those who take them", function()
    local pool = pools.open(2)
    local results = pool:map(function(i) while i == 4 do end return i end, count_to(8),
      {chunksize = 8, timeout = 0.5, on_error = "collect"})
    assert.is_true(parallel.is_failure(results[4], "timeout"))
    for _, i in ipairs({1, 2, 3, 5, 6, 7, 8}) do assert.equal(i, results[i]) end
  end)
end)
