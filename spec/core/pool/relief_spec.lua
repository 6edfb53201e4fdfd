require "parallel"
local core = require "parallel.core"
local files = require "spec.support.files"
local testing = core.testing

local pool

-- A task is "NAME" or "NAME FILE": it waits for the file, then makes one of its own name.
local function handle(self, task)
  local name, awaited = task:match("^(%S+) ?(%S*)$")
  while awaited ~= "" and not files.read(files.path(awaited)) do end
  files.write(name, "")
  return tostring(self:index())
end

local function open(options)
  files.path("") -- the folder is there before several processes want to make it
  options.begin = options.begin or function() end
  options.handle = handle
  pool = assert(core.pool(options))
end

local function results()
  local workers = {}
  while true do
    local kind, task, _, detail = pool:wait(5)
    if not kind then return workers end
    assert.equal("result", kind)
    assert.is_nil(workers[task], "it was run twice")
    workers[task] = detail
  end
end

describe("relief", function()
  after_each(function()
    testing.fault(nil)
    pool:close()
  end)

  it("takes what waits behind a long task to a worker that has nothing", function()
    open({workers = 2})
    pool:submit("a c")
    pool:submit("b")
    pool:submit("c") -- behind one of the two; behind the first it would never run
    assert.equal(3, #results())
  end)

  it("takes all that waits behind it", function()
    open({workers = 2, window = 3})
    pool:submit("a e")
    for _, task in ipairs({"b", "c", "d", "e"}) do pool:submit(task) end
    assert.equal(5, #results())
  end)

  it("takes the task of a worker that is long in starting", function()
    open({workers = 2, begin = function(worker)
      while worker:index() == 1 and not files.read(files.path("a")) do end
    end})
    pool:submit("a")
    pool:submit("b")
    assert.equal(2, #results())
  end)

  it("leaves tasks to the worker that they are for", function()
    open({workers = 2})
    pool:submit("a", 1)
    pool:submit("b", 1)
    pool:submit("c a", 2)
    assert.same({"1", "1", "2"}, results())
  end)

  it("has a worker that begins a task at that moment keep it, or lose it, but not both", function()
    for round = 1, 20 do
      testing.fault(("task.claim:delay%d@*"):format(round % 4))
      open({workers = 3, window = 3})
      for task = 1, 30 do pool:submit(("%d_%d"):format(round, task)) end
      assert.equal(30, #results())
      pool:close()
    end
  end)

  it("loses nothing with a worker that dies meanwhile", function()
    for at = 1, 6 do
      testing.fault(("task.claim:killchild@%d"):format(at))
      open({workers = 2, window = 3})
      pool:submit("a b")
      for _, task in ipairs({"b", "c", "d"}) do pool:submit(task) end
      local done = {}
      while #done < 4 do
        local kind, task = pool:wait(5)
        assert.is_true(kind == "result" or kind == "death" and task == nil, kind)
        if kind == "result" then done[#done + 1] = task end
      end
      table.sort(done)
      assert.same({1, 2, 3, 4}, done)
      pool:close()
      files.clear()
    end
  end)
end)
