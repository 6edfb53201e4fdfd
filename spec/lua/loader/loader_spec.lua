-- Batches of a dataset's items, loaded ahead by workers.
local parallel = require "parallel"
local testing = require("parallel.core").testing

local loader

local function open(options)
  loader = parallel.Loader(options)
  return loader
end

local function raised(f, ...)
  local ok, why = pcall(f, ...)
  assert.is_false(ok)
  return why
end

local function die() testing.kill(testing.getpid(), "KILL") end

local function ten_times(i) return i * 10 end

-- The batches of the next epoch.
local function epoch(number)
  local batches = {}
  for i, batch in loader:epoch(number) do batches[i] = batch end
  return batches
end

local function joined(batches)
  local items = {}
  for _, batch in ipairs(batches) do
    for _, item in ipairs(batch) do items[#items + 1] = item end
  end
  return items
end

local function sorted(list)
  table.sort(list)
  return list
end

after_each(function()
  testing.fault(nil)
  if loader then loader:close() end
  loader = nil
end)

for _, workers in ipairs({0, 1, 2, 3}) do
  describe(("Loader with %d workers"):format(workers), function()
    it("makes batches of what a function gives, in order", function()
      open({dataset = ten_times, size = 5, batch = 2, workers = workers})
      assert.same({{10, 20}, {30, 40}, {50}}, epoch())
      assert.equal(3, loader:count())
    end)

    it("makes them of a list, and drops what is left over when asked to", function()
      open({dataset = {"a", "b", "c"}, batch = 2, workers = workers, drop_last = true})
      assert.same({{"a", "b"}}, epoch())
      assert.equal(1, loader:count())
    end)

    it("has no batches of an empty dataset", function()
      open({dataset = {}, workers = workers})
      assert.same({}, epoch())
    end)

    it("shuffles each epoch in another way, and always in the same", function()
      open({dataset = ten_times, size = 100, batch = 8, workers = workers, shuffle = true, seed = 7})
      local first, second = joined(epoch()), joined(epoch())
      assert.are_not.same(first, second)
      assert.same(sorted(joined(epoch())), sorted(joined(epoch())))
      assert.same(first, joined(epoch(1)))
      assert.same(second, joined(epoch()))
      loader:close()
      open({dataset = ten_times, size = 100, batch = 8, workers = 0, shuffle = true, seed = 7})
      assert.same(first, joined(epoch()))
    end)

    it("draws the same random numbers, others in each epoch", function()
      local function drawn(i) return i + math.random() end
      open({dataset = drawn, size = 12, batch = 3, workers = workers, seed = 7})
      local first, second = epoch(), epoch()
      assert.are_not.same(first, second)
      loader:close()
      open({dataset = drawn, size = 12, batch = 3, workers = 2, seed = 7})
      assert.same(first, epoch())
      assert.same(second, epoch())
    end)

    it("puts items together as collate says", function()
      local function sum(items)
        local total = 0
        for _, item in ipairs(items) do total = total + item end
        return total
      end
      open({dataset = ten_times, size = 4, batch = 2, workers = workers, collate = sum})
      assert.same({30, 70}, epoch())
    end)

    it("gives batches that are arrays", function()
      open({dataset = ten_times, size = 3, batch = 2, workers = workers, ctype = "i32"})
      local batches = epoch()
      assert.same({{10, 20}, {30}}, {batches[1]:to_table(), batches[2]:to_table()})
      loader:close()
      open({dataset = ten_times, size = 3, batch = 2, workers = workers, collate = function(items)
        return parallel.Array("f64", items)
      end})
      batches = epoch()
      assert.equal(30, batches[1]:sum())
    end)

    it("raises an error where its batch would stand, and goes on behind it", function()
      open({dataset = function(i) return i ~= 3 and i or error("item 3 is torn", 0) end,
            size = 6, batch = 2, workers = workers})
      local next_batch = loader:epoch()
      assert.same({1, {1, 2}}, {next_batch()})
      local failed = raised(next_batch)
      assert.equal("error", failed.kind)
      assert.equal(2, failed.index)
      assert.match("item 3 is torn$", tostring(failed))
      assert.same({3, {5, 6}}, {next_batch()})
      assert.is_nil((next_batch()))
    end)

    it("collects or skips failures when it is asked to", function()
      local function one_is_torn(i) return i ~= 1 and i or error("torn", 0) end
      open({dataset = one_is_torn, size = 2, batch = 1, workers = workers, on_error = "skip"})
      assert.same({[2] = {2}}, epoch())
      loader:close()
      open({dataset = one_is_torn, size = 2, batch = 1, workers = workers, on_error = "collect"})
      assert.is_true(parallel.is_failure(epoch()[1], "error"))
    end)

    it("says where the dataset has nothing", function()
      open({dataset = {1, 2}, size = 3, workers = workers})
      assert.match("the dataset has nothing at 3$", tostring(raised(epoch)))
    end)

    it("may be left in the middle of an epoch, and begins the next one at its start", function()
      open({dataset = ten_times, size = 100, batch = 1, workers = workers})
      for i in loader:epoch() do
        if i == 3 then break end
      end
      assert.same({10}, epoch()[1])
      loader:epoch()
    end)

    it("ends an iteration when another epoch is begun", function()
      open({dataset = ten_times, size = 4, batch = 1, workers = workers})
      local old = loader:epoch()
      old()
      local new = loader:epoch()
      assert.is_nil((old()))
      assert.same({1, {10}}, {new()})
    end)
  end)
end

describe("Loader", function()
  local function pids()
    local found = {}
    for _, batch in ipairs(epoch()) do found[batch[1]] = true end
    return found
  end

  it("keeps its workers from epoch to epoch, unless told otherwise", function()
    local options = {dataset = testing.getpid, size = 8, batch = 1, workers = 1}
    open(options)
    assert.same(pids(), pids())
    loader:close()
    options.persistent = false
    open(options)
    assert.are_not.same(pids(), pids())
  end)

  it("loads at most so many batches ahead", function()
    local counter = parallel.Queue()
    open({dataset = function(i)
      counter:put(i)
      return i
    end, size = 50, batch = 1, workers = 2, prefetch = 3})
    local next_batch = loader:epoch()
    for i = 1, 20 do
      next_batch()
      assert.is_true(counter:qsize() <= i + 2 * 3)
    end
  end)

  it("has its workers load while the consumer does not ask", function()
    local counter = parallel.Queue()
    open({dataset = function(i)
      counter:put(i)
      return i
    end, size = 50, batch = 1, workers = 1, prefetch = 2})
    local next_batch = loader:epoch()
    next_batch()
    for i = 1, 3 do assert.equal(i, counter:get(10)) end -- one was asked for, two are ahead
  end)

  it("tells what a worker is, and runs worker_init in each", function()
    open({dataset = function()
      local info = parallel.worker_info()
      return {info.id, info.workers, info.seed, _G.began}
    end, size = 20, batch = 1, workers = 2, seed = 5, worker_init = function(id) _G.began = id end})
    for _, batch in ipairs(epoch()) do
      local id = batch[1][1]
      assert.is_true(id == 1 or id == 2)
      assert.same({id, 2, 5, id}, batch[1])
    end
  end)

  it("raises at once what worker_init raises", function()
    open({dataset = {1}, workers = 2, worker_init = function() error("no camera", 0) end})
    assert.match("no camera", tostring(raised(loader.epoch, loader)))
  end)

  it("loses no batch but the one whose worker died", function()
    open({dataset = function(i) return i ~= 4 and i or die() end, size = 8, batch = 2, workers = 2,
          on_error = "collect"})
    local batches = epoch()
    assert.same({{1, 2}, {5, 6}, {7, 8}}, {batches[1], batches[3], batches[4]})
    assert.equal("died", batches[2].kind)
    assert.match("^worker %d %(pid %d+%) was killed by SIGKILL while running task 2$", tostring(batches[2]))
    assert.equal(4, #epoch())
  end)

  for _, point in ipairs({"task.read", "task.begin", "task.done", "result.begin", "result.sent"}) do
    it("gives every batch once when a worker may be replaced at " .. point, function()
      testing.fault(point .. ":kill@7")
      open({dataset = ten_times, size = 80, batch = 2, workers = 2, retries = 1})
      local items = joined(epoch())
      assert.equal(80, #items)
      for i, item in ipairs(items) do assert.equal(i * 10, item) end
    end)
  end

  it("closes without waiting for what nobody asked for", function()
    open({dataset = function(i)
      while i > 1 do end
      return i
    end, size = 10, batch = 1, workers = 2})
    for _ in loader:epoch() do break end
    loader:close()
    loader:close()
    assert.match("attempt to use a closed loader$", raised(loader.epoch, loader))
  end)

  it("does not copy arrays, and keeps none that nobody holds", function()
    open({dataset = ten_times, size = 200, batch = 1, workers = 1, collate = function()
      return parallel.Array("f64", 10000)
    end})
    local most, held = 0, setmetatable({}, {__mode = "v"})
    for i, batch in loader:epoch() do
      held[i] = batch
      local count = 0
      for _ in pairs(held) do count = count + 1 end
      most = math.max(most, count)
    end
    assert.is_true(most < 100)
    assert.is_true(loader.pool:stats().bytes_received < 200 * 1000)
  end)

  it("leaves nothing behind of epochs that are left", function()
    open({dataset = ten_times, size = 100, batch = 1, workers = 2})
    epoch()
    local sources = #loader.pool.crew.sources
    for _ = 1, 5 do loader:epoch()() end
    assert.equal(100, #epoch())
    assert.equal(sources, #loader.pool.crew.sources)
  end)

  for _, method in ipairs(jit and {"spawn"} or {"spawn", "template"}) do
    it("works with workers that inherit nothing: " .. method, function()
      local factor = 10
      open({dataset = function(i) return i * factor end, size = 4, batch = 2, workers = 2, start_method = method})
      assert.same({{10, 20}, {30, 40}}, epoch())
    end)
  end

  it("sends nothing of a list that the workers inherit", function()
    local list = {}
    for i = 1, 1000 do list[i] = ("x"):rep(1000) end
    open({dataset = list, batch = 10, workers = 1, collate = function(items) return #items end})
    epoch()
    epoch()
    assert.is_true(loader.pool:stats().bytes_sent < 100000)
  end)

  it("shuffles in another way each time without a seed", function()
    local options = {dataset = ten_times, size = 100, batch = 100, workers = 0, shuffle = true}
    open(options)
    local first = epoch()
    open(options)
    assert.are_not.same(first, epoch())
  end)

  it("refuses bad options at the caller's line", function()
    local cases = {
      {"unknown option 'sise'", {dataset = {}, sise = 1}},
      {"a dataset is needed", {}},
      {"size is needed with a function as dataset", {dataset = print}},
      {"batch must be a whole number, at least 1, got 0", {dataset = {}, batch = 0}},
      {"prefetch must be a whole number, at least 1", {dataset = {}, prefetch = 0.5}},
      {"shuffle must be a boolean, got number", {dataset = {}, shuffle = 1}},
      {"on_error must be one of", {dataset = {}, on_error = "x"}},
    }
    for _, case in ipairs(cases) do
      local why = raised(function() parallel.Loader(case[2]) end)
      assert.match("^spec/lua/loader/loader_spec.lua:%d+: bad argument #1 to 'Loader'", why)
      assert.match(case[1], why, 1, true)
    end
  end)
end)
