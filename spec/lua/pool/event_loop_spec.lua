-- Pools in the event loops of others: pollfd, events, timeout and step, and nothing else of the
-- library waits.
local cqueues = require "cqueues"
local cqueues_socket = require "cqueues.socket"
local parallel = require "parallel"
local socket = require "socket"
local testing = require("parallel.core").testing
local count_to = require("spec.support.trials").count_to

local function square(x) return x * x end

local function die() testing.kill(testing.getpid(), "KILL") end

local pools

local function open(options)
  pools[#pools + 1] = parallel.Pool(options)
  return pools[#pools]
end

before_each(function() pools = {} end)

after_each(function()
  for _, pool in ipairs(pools) do pool:terminate() end
end)

-- The sum of squares, put into a table when the pool has it.
local function sum_squares(pool, n, sums)
  pool:map_async(square, count_to(n), {callback = function(list)
    local sum = 0
    for _, x in ipairs(list) do sum = sum + x end
    sums[#sums + 1] = sum
  end})
end

local function sooner(a, b) return a and b and math.min(a, b) or a or b end

describe("a loop around select", function()
  -- A pool, as select wants something to look at.
  local function selectable(pool)
    return {pool = pool, getfd = function() return pool:pollfd() end, dirty = function() return false end}
  end

  local function select_step(readers)
    local timeout
    for _, one in ipairs(readers) do timeout = one.pool and sooner(timeout, one.pool:timeout()) or timeout end
    local readable = socket.select(readers, nil, timeout)
    for _, one in ipairs(readers) do
      if one.pool then one.pool:step() end
    end
    return readable
  end

  it("drives two pools and a socket", function()
    local first, second, sums, heard = open(2), open(1), {}, nil
    local listener = assert(socket.bind("127.0.0.1", 0))
    local address, port = listener:getsockname()
    local client = assert(socket.connect(address, port))
    sum_squares(first, 100, sums)
    sum_squares(second, 10, sums)
    client:send("hello\n")
    local readers = {listener, selectable(first), selectable(second)}
    while #sums < 2 or not heard do
      local readable = select_step(readers)
      if readable[listener] then
        local connection = listener:accept()
        heard = connection:receive("*l")
        connection:close()
      end
    end
    client:close()
    listener:close()
    table.sort(sums)
    assert.same({{385, 338350}, "hello"}, {sums, heard})
  end)

  it("sees deaths and time limits", function()
    local pool, failures = open({workers = 2, timeout = 0.02}), {}
    local function fail(failed) failures[failed.kind] = true end
    pool:apply_async(die, {}, {error_callback = fail})
    pool:apply_async(function() while true do end end, {}, {error_callback = fail})
    while not (failures.died and failures.timeout) do select_step({selectable(pool)}) end
  end)

  it("is not woken by a pool that has nothing to do", function()
    local pool = open(2)
    pool:broadcast(type, 1)
    pool:step()
    assert.is_nil(next((socket.select({selectable(pool)}, nil, 0))))
    assert.is_nil(pool:timeout())
  end)
end)

describe("cqueues", function()
  -- What drives a pool there: a pool can be polled as it is.
  local function drive(pool, is_done)
    return function()
      while not is_done() do
        cqueues.poll(pool)
        pool:step()
      end
    end
  end

  it("drives two pools and a socket", function()
    local first, second, of_first, of_second, heard = open(2), open(1), {}, {}, nil
    local loop = cqueues.new()
    local a, b = cqueues_socket.pair()
    sum_squares(first, 100, of_first)
    sum_squares(second, 10, of_second)
    loop:wrap(drive(first, function() return of_first[1] end))
    loop:wrap(drive(second, function() return of_second[1] end))
    loop:wrap(function() heard = b:read("*l") end)
    loop:wrap(function() a:write("hello\n"):flush() end)
    assert(loop:loop())
    a:close()
    b:close()
    assert.same({{338350}, {385}, "hello"}, {of_first, of_second, heard})
  end)

  it("wakes for a pool's time limits", function()
    local pool, failed = open({workers = 1, timeout = 0.02}), nil
    local loop = cqueues.new()
    pool:apply_async(function() while true do end end, {}, {error_callback = function(f) failed = f end})
    loop:wrap(drive(pool, function() return failed end))
    assert(loop:loop())
    assert.equal("timeout", failed.kind)
  end)
end)
