-- Workers that cannot be started, or end before they are ready.
local files = require "spec.support.files"
local parallel = require "parallel"
local pools = require "spec.support.pools"
local testing = require("parallel.core").testing
local trials = require "spec.support.trials"

local raised, count_to = trials.raised, trials.count_to

local path

-- How often this is called, in whatever process: from 1.
local function turn()
  local file = io.open(path, "a+")
  file:write("x")
  file:flush()
  file:seek("set")
  local count = #file:read("*a")
  file:close()
  return count
end

describe("an initializer", function()
  before_each(function() path = files.path("turns") end)
  after_each(pools.close)

  it("that fails in a replacement is tried again", function()
    local pool = pools.open({workers = 1, initializer = function()
      if turn() == 2 then error("not now") end
    end})
    assert.equal("SIGKILL", raised(pool.apply, pool, function()
      testing.kill(testing.getpid(), "KILL")
    end).signal)
    assert.equal(1, pool:apply(math.abs, 1))
    assert.equal(4, turn())
  end)

  it("that fails in all replacements fails what waits, with its message", function()
    local pool = pools.open({workers = 1, initializer = function()
      if turn() > 1 then error("no database", 0) end
    end})
    local first = pool:submit(function() testing.kill(testing.getpid(), "KILL") end)
    local second = pool:submit(math.abs, 1)
    first:wait(0.01)
    assert.match("no database", tostring(raised(second.get, second)))
    assert.is_true(turn() <= 1 + 5 + 1)
  end)

  it("that ends its workers makes few of them", function()
    local workers = 16
    assert.match("cannot start any worker", tostring(raised(parallel.Pool,
      {workers = workers, initializer = function()
        turn()
        os.exit(1)
      end})))
    assert.is_true(turn() <= workers + 5 + 1)
  end)

  it("that ends its workers is told with how they end", function()
    local exited = raised(parallel.Pool, {workers = 1, initializer = function() os.exit(4) end})
    assert.same({"died", 4}, {exited.kind, exited.exitcode})
    assert.match("the workers end before they are ready: the last exited with status 4$", tostring(exited))
    local killed = raised(parallel.Pool, {workers = 1, initializer = function()
      testing.kill(testing.getpid(), "KILL")
    end})
    assert.same({"died", "SIGKILL"}, {killed.kind, killed.signal})
  end)
end)

describe("an initializer that takes long", function()
  local core = require "parallel.core"
  local clock = core.clock

  -- Its pool, as if by then so much time had passed that nobody waited for it any more.
  local function open_impatiently(options)
    local asked = false
    core.clock = function()
      local late = asked and 1000 or 0
      asked = true
      return clock() + late
    end
    local ok, pool = pcall(pools.open, options)
    core.clock = clock
    return assert(ok and pool, pool)
  end

  after_each(pools.close)

  it("may wait for what is done after the pool was made", function()
    local event = parallel.Event()
    local pool = open_impatiently({workers = 2, initializer = function() event:wait() end})
    event:set()
    assert.same({1, 2, 3, n = 3}, pool:map(math.abs, {1, -2, 3}))
    event:close()
  end)

  it("or for ever keeps nobody from ending the pool", function()
    local pool = open_impatiently({workers = 2, initializer = function() while true do end end})
    local result = pool:submit(math.abs, 1)
    assert.equal("timeout", raised(result.get, result, 0.01).kind)
    pool:terminate()
    assert.equal("cancelled", raised(result.get, result).kind)
  end)

  it("and fails in the end fails what waits, with its message", function()
    local event = parallel.Event()
    local pool = open_impatiently({workers = 2, initializer = function()
      event:wait()
      error("no database", 0)
    end})
    local result = pool:submit(math.abs, 1)
    event:set()
    assert.match("no database", tostring(raised(result.get, result)))
    event:close()
  end)
end)

describe("a pool that cannot fork", function()
  after_each(pools.close)

  it("says so", function()
    testing.fault("sys.fork:EAGAIN@*")
    assert.match("cannot start any worker: Resource temporarily unavailable",
      tostring(raised(function() pools.open(2):apply(print) end)))
  end)

  it("at times goes on with the workers that it has", function()
    for _, plan in ipairs({"sys.fork:EAGAIN@2", "sys.pipe2:EMFILE@3", "sys.pidfd_open:EMFILE@1",
                           "sys.epoll_ctl:ENOMEM@2", "sys.socketpair:EMFILE@1"}) do
      testing.fault(plan)
      local results = pools.open(3):map(math.sqrt, count_to(50))
      assert.equal(7, results[49])
      pools.close()
    end
  end)

  it("any more serves those that have a worker", function()
    local pool = pools.open(2)
    testing.fault("sys.fork:EAGAIN@*")
    testing.kill(pool:broadcast(testing.getpid)[1], "KILL")
    assert.equal(7, pool:map(math.sqrt, count_to(50))[49])
  end)
end)

describe("tasks that all end their worker", function()
  after_each(pools.close)

  it("have an outcome each, and leave no worker or descriptor behind", function()
    local pool = pools.open(2)
    local results = pool:map(function() testing.crash("_exit") end, count_to(300), {on_error = "collect"})
    for i = 1, 300 do assert.equal(3, results[i].exitcode) end
    assert.equal(300, pool:stats().deaths)
  end)
end)
