local parallel = require "parallel"
local functions = require "parallel.pool.functions"
local files = require "spec.support.files"
local shell = require "spec.support.shell"

-- Answers that the peers' users wait for: "cannot pickle lambda" (multiprocessing),
-- "cannot pickle '_io.TextIOWrapper' object", and closures that see the last value
-- of a loop variable instead of the one of the call.
local function counter()
  return coroutine.wrap(function()
    local n = 0
    while true do
      n = n + 1
      coroutine.yield(n)
    end
  end)
end

for _, workers in ipairs({2, 0}) do
  describe(("a one-shot's function, with %d workers"):format(workers), function()
    local options = {workers = workers}

    it("may capture open files and coroutines", function()
      local file, count = assert(io.tmpfile()), counter()
      file:write("line\n")
      file:seek("set")
      local function read(n) return n + count() * 0, io.type(file) end
      assert.same({n = 2, 1, 2}, parallel.map(read, {1, 2}, options))
      assert.equal("line", file:read())
      file:close()
    end)

    it("may capture them in every one of the helpers", function()
      local count = counter()
      local function add(a, b) return a + (b or 0) + 0 * count() end
      assert.same({n = 1, 3}, parallel.starmap(add, {{1, 2}}, options))
      assert.equal(16, parallel.reduce(add, {1, 2, 3}, {workers = workers, init = 10}))
      local sum = 0
      for _, value in parallel.imap(add, {1, 2}, options) do sum = sum + value end
      for _, value in parallel.imap_unordered(add, {1, 2}, options) do sum = sum + value end
      assert.equal(6, sum)
    end)

    it("leaves what it captures here as it was", function()
      local calls = 0
      parallel.map(function() calls = calls + 1 end, {1, 2, 3}, options)
      assert.equal(0, calls)
    end)
  end)
end

describe("functions", function()
  local told, known
  before_each(function()
    told = {}
    known = functions.new(function(_, what, number, bytes)
      table.insert(told, {what = what, number = number, bytes = bytes})
    end)
  end)

  it("tell the workers of a function once", function()
    local factor = 2
    local function times(x) return x * factor end
    assert.equal(known:take(times), known:take(times))
    assert.equal(1, #told)
  end)

  it("tell of it again when what it captures has changed, were it deep inside", function()
    local factors = {{2}}
    local function times(x) return x * factors[1][1] end
    local before = known:take(times)
    factors[1][1] = 3
    assert.not_equal(before, known:take(times))
    assert.equal(2, #told)
  end)

  it("keep a version that was replaced until its last task is done", function()
    local k = 1
    local function get() return k end
    local first = known:take(get)
    k = 2
    known:take(get)
    assert.equal(1, known:get(first.number)())
    known:release(first)
    assert.same({what = "forget", number = first.number}, told[3])
  end)

  it("give the one that was inherited as it was then, once", function()
    local factor = 2
    local function times(x) return x * factor end
    known:inherit(times)
    local inherited = known:take(times)
    assert.equal(times, known:get(inherited.number))
    assert.is_nil(inherited.bytes)
    factor = 3
    local after = known:take(times)
    assert.equal(9, known:get(after.number)(3))
    assert.is_nil(told[1].bytes)
    assert.is_string(told[2].bytes)
  end)
end)

describe("a table that is called", function()
  local Scale = {}
  Scale.__index = Scale
  function Scale:times(x) return self.factor * x end
  function Scale:__call(x) return self:times(x) end

  for _, workers in ipairs({1, 0}) do
    it(("is so in a worker, with %d workers"):format(workers), function()
      local pool = parallel.Pool(workers)
      local scale = setmetatable({factor = 3}, Scale)
      assert.equal(6, pool:apply(scale, 2))
      assert.same({n = 2, 3, 6}, pool:map(scale, {1, 2}))
      scale.factor = 4
      assert.equal(8, pool:apply(scale, 2))
      pool:close()
      assert.same({n = 1, 8}, parallel.map(scale, {2}, {workers = workers}))
    end)
  end

  it("is refused for what its metatable holds, with the path", function()
    local pool = parallel.Pool(1)
    local call = setmetatable({}, {__call = print, thread = coroutine.create(print)})
    local _, failed = pcall(pool.apply, pool, call)
    assert.match("function: metatable.thread: a coroutine cannot leave", tostring(failed))
    call = setmetatable({thread = coroutine.create(print)}, {__call = print})
    _, failed = pcall(pool.apply, pool, call)
    assert.match("function: thread: a coroutine cannot leave", tostring(failed))
    pool:close()
  end)
end)

describe("functions of the library", function()
  it("need not have been used before their worker was made", function()
    local path = files.write("program.lua", [[
      local parallel = require "parallel"
      local pool = parallel.Pool(1)
      local Condition, grid = parallel.Condition, parallel.grid
      print(pool:apply(function() return Condition():with(type, 1) end))
      print(pool:apply(function(make) return make({x = {7}})().x end, grid))
      local Process = parallel.Process
      print(pool:apply(function()
        local process = Process(os.exit, 3)
        process:start()
        process:join()
        return process.exitcode
      end))
      pool:close()]])
    local result = shell.run({shell.interpreter(), path})
    assert.same({status = 0, stdout = "number\n7\n3\n", stderr = ""}, result)
  end)
end)
