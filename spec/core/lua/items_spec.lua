local parallel = require "parallel"
local core = require "parallel.core"
local testing = core.testing
local trials = require "spec.support.trials"

local count_to = trials.count_to

local pool, path

-- f, noting in a file that it was started with x: one line each, in one write.
local function counting(f)
  local name = path
  return function(x)
    local file = io.open(name, "a")
    file:write(x, "\n")
    file:close()
    return f(x)
  end
end

-- How often each item was started.
local function starts()
  local counts = {}
  local file = io.open(path)
  if not file then return counts end
  for line in file:lines() do counts[tonumber(line)] = (counts[tonumber(line)] or 0) + 1 end
  file:close()
  return counts
end

local function double(x) return 2 * x end

-- Maps 1 to n in chunks; the places of the failures, after checking that each
-- other item has its result and that none was started more often than allowed.
local function map_counting(n, chunksize, retries)
  local results = pool:map(counting(double), count_to(n),
    {chunksize = chunksize, on_error = "collect", retries = retries})
  local counts, failed = starts(), {}
  assert.equal(n, results.n)
  for i = 1, n do
    if parallel.is_failure(results[i], "died") then
      failed[#failed + 1] = i
      assert.is_true((counts[i] or 0) <= 1 + (retries or 0))
    else
      assert.equal(2 * i, results[i])
      assert.is_true(counts[i] >= 1)
    end
  end
  return failed, counts
end

local function started_twice(counts)
  local list = {}
  for i, count in pairs(counts) do
    if count > 1 then list[#list + 1] = i end
  end
  return list
end

describe("items of a chunk", function()
  before_each(function() path = os.getenv("TMPDIR") .. "/starts" end)
  after_each(function()
    testing.fault(nil)
    if pool then pool:terminate() end
    pool = nil
    os.remove(path)
  end)

  for _, n in ipairs({1, 2, 9, 10, 11, 25, 40}) do
    for _, point in ipairs({"item.begin", "item.done"}) do
      it(("cost the one that runs when its worker is killed at %s %d"):format(point, n), function()
        testing.fault(("%s:kill@%d"):format(point, n))
        pool = parallel.Pool(1)
        local failed, counts = map_counting(40, 10)
        assert.same({n}, failed)
        assert.same({}, started_twice(counts))
      end)
    end

    it(("cost none when their worker is killed at item.committed %d"):format(n), function()
      testing.fault(("item.committed:kill@%d"):format(n))
      pool = parallel.Pool(1)
      local failed, counts = map_counting(40, 10)
      assert.same({}, failed)
      assert.same({}, started_twice(counts))
    end)
  end

  for _, point in ipairs({"task.read", "task.begin", "task.done", "result.begin", "result.sent"}) do
    it("cost none when their worker is killed at " .. point, function()
      testing.fault(point .. ":kill@3")
      pool = parallel.Pool(2)
      local failed, counts = map_counting(40, 10)
      assert.same({}, failed)
      assert.same({}, started_twice(counts))
    end)
  end

  it("are started again only as often as the charged one may be", function()
    testing.fault("item.done:kill@5,item.done:kill@23")
    pool = parallel.Pool(1)
    local failed, counts = map_counting(40, 10, 1)
    assert.same({}, failed)
    assert.equal(2, counts[5])
    assert.equal(2, #started_twice(counts))
  end)

  it("are charged when they end their workers before any of them starts", function()
    testing.fault("task.begin:kill@*")
    pool = parallel.Pool(2)
    local results = pool:map(double, count_to(3), {on_error = "collect", chunksize = 3})
    for i = 1, 3 do assert.equal("died", results[i].kind) end
  end)

  it("keep errors and refused results that came before a death", function()
    testing.fault("item.begin:kill@4")
    pool = parallel.Pool(1)
    local results = pool:map(function(x)
      if x == 1 then error({code = 7}) end
      if x == 2 then return {hooks = {print, coroutine.create(print)}} end
      return {x}
    end, count_to(5), {chunksize = 5, on_error = "collect"})
    assert.same({code = 7}, results[1].value)
    assert.match("items_spec.lua", results[1].traceback)
    assert.match("^cannot send the result of task 2: result%.hooks%[%d%]", tostring(results[2]))
    assert.same({3}, results[3])
    assert.equal("died", results[4].kind)
    assert.same({5}, results[5])
  end)

  describe("of any size", function()
    local MIB = 1024 * 1024
    local SIZES = {1, 40, 5000, MIB - 100, 7, 3 * MIB, 1, MIB, 60, MIB / 2, MIB / 2, MIB / 2, 0, 2 * MIB}

    local function check(as, most_failures, least_failures)
      local sizes = SIZES
      local results = pool:map(counting(function(i) return as(("x"):rep(sizes[i])) end),
        count_to(#sizes), {chunksize = #sizes, on_error = "collect"})
      local failures = 0
      for i = 1, #sizes do
        local bytes = results[i]
        if parallel.is_failure(bytes) then
          failures = failures + 1
        else
          if type(bytes) == "table" then bytes = bytes[1] end
          assert.is_true(bytes == ("x"):rep(sizes[i]), "wrong result " .. i)
        end
      end
      assert.is_true(failures <= most_failures and failures >= (least_failures or most_failures))
      assert.same({}, started_twice(starts()))
    end

    local function plain(s) return s end
    local function boxed(s) return {s} end

    for _, as in ipairs({plain, boxed}) do
      it("come whole", function()
        pool = parallel.Pool(1)
        check(as, 0)
      end)
      for n = 1, #SIZES do
        it("come whole, but for the one that ran at item.done " .. n, function()
          testing.fault("item.done:kill@" .. n)
          pool = parallel.Pool(1)
          check(as, 1)
        end)
        it("come whole when the worker dies after item " .. n, function()
          testing.fault("item.committed:kill@" .. n)
          pool = parallel.Pool(1)
          check(as, 0)
        end)
      end
      -- A part makes room for the running item, which is then charged, or is that item.
      for n = 1, 6 do
        it("come once when the worker dies after part " .. n, function()
          testing.fault("part.sent:kill@" .. n)
          pool = parallel.Pool(1)
          check(as, 1, 0)
        end)
      end
    end

    it("are never taken for whole when they are torn", function()
      testing.fault("sys.sendmsg:short@*,result.partly:kill@500")
      pool = parallel.Pool(1)
      local results = pool:map(function(i) return ("x"):rep(i * 300) end, count_to(4), {chunksize = 4})
      for i = 1, 4 do assert.equal(("x"):rep(i * 300), results[i]) end
      assert.equal(1, pool:stats().deaths)
    end)
  end)

  -- A seeded nemesis kills the worker that gave one result in sixty.
  it("have one outcome each, and start once, under two hundred kills", function()
    pool = parallel.Pool(2)
    local n, kills, outcomes = 20000, 0, {}
    local random = 12345
    local getpid = testing.getpid
    for i, pid in pool:imap_unordered(counting(getpid), count_to(n), {on_error = "collect"}) do
      assert.is_nil(outcomes[i], "one item, two outcomes")
      outcomes[i] = pid
      random = (random * 1103515245 + 12345) % 2147483648
      if type(pid) == "number" and random % 61 == 0 and kills < 200 then
        local pids = pool.crew.transport:workers()
        if pids[1] == pid or pids[2] == pid then
          testing.kill(pid, "KILL")
          kills = kills + 1
        end
      end
    end
    local counts, failures = starts(), 0
    assert.is_true(kills > 100)
    for i = 1, n do
      assert.is_true((counts[i] or 0) <= 1, "started twice")
      if parallel.is_failure(outcomes[i], "died") then failures = failures + 1
      else assert.equal("number", type(outcomes[i])); assert.equal(1, counts[i]) end
    end
    assert.is_true(failures <= kills)
  end)
end)
