-- Hosts in C with habits of their own: what they do with signals is theirs, and
-- however they end, no worker outlives them.
local files = require "spec.support.files"
local shell = require "spec.support.shell"

local lua = jit and "luajit" or "lua5.4"
local program = os.getenv("TMPDIR") .. "/host"

local function build()
  local made = shell.run(("cc -O1 -o '%s' spec/faults/hosts/host.c $(pkg-config --cflags --libs %s) -Wl,-E")
    :format(program, lua))
  assert.equal("", made.stderr)
end

-- What a host prints that runs this script.
local function run(habit, ending, text)
  build()
  return shell.run({program, habit, ending, files.write("script.lua", text)})
end

after_each(function() os.remove(program) end)

local SOME_DIE = [[
  local parallel = require "parallel"
  local pool = parallel.Pool(2)
  local values, died = 0, 0
  local items = {}
  for i = 1, 40 do items[i] = i end
  for _, value in pool:imap_unordered(function(i)
    if i % 10 == 0 then require("parallel.core").testing.crash("_exit") end
    return i
  end, items, {on_error = "collect"}) do
    if parallel.is_failure(value, "died") then died = died + 1 else values = values + 1 end
  end
  pool:close()
  io.write(values, " values, ", died, " died")
]]

describe("a host that", function()
  for _, habit in ipairs({"plain", "ignores", "no_wait", "reaps"}) do
    it(habit .. " ended children gets all results, and is told of deaths", function()
      assert.same({status = 0, stdout = "36 values, 4 died", stderr = ""}, run(habit, "closes", SOME_DIE))
    end)
  end

  it("blocks all signals and catches SIGPIPE finds its signals as they were", function()
    local result = run("guarded", "closes", [[
      local before = signals()
      local function check(what) if signals() ~= before then print(what .. " changed them") end end
      local parallel = require "parallel"
      check("require")
      local pool = parallel.Pool(2)
      check("Pool")
      local function die() require("parallel.core").testing.crash("_exit") end
      pcall(pool.apply, pool, die)
      check("apply")
      for i = 1, 20 do pool:submit(die) end -- some are written to workers that are gone
      pool:map(math.abs, {1, 2, 3})
      check("map")
      pool:terminate()
      check("terminate")
      print(broken_pipes())
    ]])
    assert.same({status = 0, stdout = "0\n", stderr = ""}, result)
  end)
end)

-- One worker is busy, one waits; each has started a program.
local BUSY = [[
  local parallel = require "parallel"
  pool = parallel.Pool(2)
  pool:broadcast(os.execute, "sleep 1000 &")
  local path = os.getenv("TMPDIR") .. "/files/busy"
  busy = pool:submit(function()
    io.open(path, "w"):close()
    while true do end
  end)
  while not os.remove(path) do pool:step() end
]]

describe("a host with a busy pool", function()
  for ending, signal in pairs({closes = false, exits = false, leaves = false,
                               aborts = "SIGABRT", crashes = "SIGSEGV"}) do
    it(ending .. ", and no worker or what it started outlives it", function()
      local result = run("plain", ending, BUSY)
      assert.same(signal or nil, result.signal)
      assert.same(not signal and 0 or nil, result.status)
      -- the harness fails this test when anything is left
    end)
  end

  it("runs no finalizer twice, and prints nothing twice", function()
    local result = run("plain", "closes", [[
      io.stdout:setvbuf("full")
      io.write("once\n")
      local keep = newproxy and newproxy(true) or setmetatable({}, {})
      getmetatable(keep).__gc = function() io.write("finalized\n") end
      if not newproxy then setmetatable(keep, getmetatable(keep)) end
      _G.keep = keep
      local pool = require("parallel").Pool(2)
      for _ = 1, 4 do pcall(pool.apply, pool, os.exit, 0, true) end
      pool:close()
    ]])
    assert.same({status = 0, stdout = "once\nfinalized\n", stderr = ""}, result)
  end)
end)

describe("a host that closes a descriptor of ours", function()
  it("gets the results or an error, and no endless loop", function()
    local result = run("plain", "closes", [[
      local lfs = require "lfs"
      local parallel = require "parallel"
      local function open()
        local list = {}
        for name in lfs.dir("/proc/self/fd") do list[name] = lfs.symlinkattributes("/proc/self/fd/" .. name, "mode") end
        return list
      end
      local tried = 0
      for n = 1, 100 do
        local before = open()
        local pool = parallel.Pool(1)
        pool:apply(math.abs, 1)
        local ours = {}
        for name, mode in pairs(open()) do
          if mode and not before[name] then ours[#ours + 1] = tonumber(name) end
        end
        table.sort(ours)
        if not ours[n] then pool:terminate() break end
        tried = n
        close_fd(ours[n])
        local ok, results = pcall(pool.map, pool, math.abs, {1, 2, 3}, {on_error = "collect"})
        if ok and #results ~= 3 then print(#results .. " results") end
        pool:terminate()
      end
      print(tried > 2)
    ]])
    assert.same({status = 0, stdout = "true\n", stderr = ""}, result)
  end)
end)
