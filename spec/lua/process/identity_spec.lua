local parallel = require "parallel"
local core = require "parallel.core"
local testing = core.testing
local trials = require "spec.support.trials"

local pool

local function open(options)
  pool = parallel.Pool(options)
  return pool
end

local function in_worker(f, ...)
  return open({workers = 2, name = "crew", seed = 5}):apply(f, ...)
end

describe("current_process", function()
  after_each(function() if pool then pool:close() end end)

  it("is called main in the main process", function()
    local process = parallel.current_process()
    assert.same({name = "main", daemon = false, pid = core.pid(), parent_pid = core.parent_pid()}, process)
  end)

  it("has the worker's name in a worker, whose parent is the pool's owner", function()
    local process, pid = in_worker(function()
      return require("parallel").current_process(), require("parallel.core").testing.getpid()
    end)
    assert.match("^crew worker %d$", process.name)
    assert.is_true(process.daemon)
    assert.equal(pid, process.pid)
    assert.equal(core.pid(), process.parent_pid)
  end)
end)

describe("parent_process", function()
  after_each(function() if pool then pool:close() end end)

  it("is nil in the main process", function()
    assert.is_nil(parallel.parent_process())
  end)

  it("is the owner of the pool in a worker", function()
    local pid, name, alive = in_worker(function()
      local parent = require("parallel").parent_process()
      return parent.pid, parent.name, parent:is_alive()
    end)
    assert.same({core.pid(), "main", true}, {pid, name, alive})
  end)

  it("has a descriptor that is not readable while it lives", function()
    local ready, joined, why = in_worker(function()
      local parent = require("parallel").parent_process()
      return #require("parallel.core").poll({parent.sentinel}, 0), parent:join(0)
    end)
    assert.same({0, nil, "timeout"}, {ready, joined, why})
  end)
end)

describe("worker_info", function()
  after_each(function() if pool then pool:close() end end)

  it("is nil outside of workers", function()
    assert.is_nil(parallel.worker_info())
    assert.is_nil(open(0):apply(parallel.worker_info))
  end)

  it("tells which worker of how many it is, and the seed", function()
    open({workers = 2, seed = 5})
    local infos = pool:broadcast(function() return require("parallel").worker_info() end)
    for i = 1, 2 do assert.same({id = i, workers = 2, seed = 5}, infos[i]) end
  end)

  it("tells workers that come later of their number then", function()
    open(1)
    pool:resize(2)
    local infos = pool:broadcast(function() return require("parallel").worker_info() end)
    assert.same({id = 2, workers = 2}, infos[2])
  end)
end)

-- How deep f is called, each time in a worker of a pool of the worker before.
local function nest(deep, method)
  if deep == 0 then return require("parallel").current_process().pid end
  local inner = require("parallel").Pool({workers = 1, start_method = method})
  return require("parallel").with(inner, function() return inner:apply(nest, deep - 1, method) end)
end

describe("pools in workers of pools", function()
  after_each(function() if pool then pool:close() end end)

  it("work", function()
    assert.are_not.equal(core.pid(), nest(3, parallel.get_start_method()))
  end)

  it("end at a depth of 10", function()
    nest(10, "fork")
    assert.match("pools are nested more than 10 deep", tostring(trials.raised(nest, 11, "fork")))
  end)

  it("end with the worker that made them", function()
    open(1)
    local path = os.getenv("TMPDIR") .. "/innermost"
    local failure = trials.raised(pool.apply, pool, function(method)
      local inner = require("parallel").Pool({workers = 1, start_method = method})
      inner:apply(function(to)
        local file = io.open(to, "w")
        file:write(require("parallel").current_process().pid)
        file:close()
      end, path)
      inner:submit(function() while true do end end)
      require("parallel.core").testing.kill(require("parallel.core").pid(), "KILL")
    end, parallel.get_start_method())
    assert.equal("SIGKILL", failure.signal)
    local file = io.open(path)
    local pid = file:read("*n")
    file:close()
    os.remove(path)
    assert.same({"signal", 9}, {testing.wait(pid)}) -- an orphan is adopted by this process
  end)
end)
