-- A host that is killed, at whatever point of its work, takes its workers with
-- it, and what those have started. The harness fails a test that leaves any.
local files = require "spec.support.files"
local shell = require "spec.support.shell"

local TURNS = os.getenv("PARALLEL_LUA_TORTURE") == "full" and 20 or 2

local HOST = [[
  local pool = require("parallel").Pool(2)
  local items = {}
  for i = 1, 30 do items[i] = i end
  pool:map(function(i)
    %s
    return i
  end, items, {on_error = "collect", chunksize = 3})
  pool:close()
]]

-- What a worker that crashed has started ends when the host looks after it, so
-- a host that is killed in between leaves that: not both in one.
local STARTS_PROGRAM = HOST:format('if i % 10 == 1 then os.execute("sleep 1000 &") end')
local CRASHES = HOST:format('if i == 7 then require("parallel.core").testing.crash("_exit") end')

local function run(text, plan)
  return shell.run({shell.interpreter(), files.write("host.lua", text)},
    {env = {PARALLEL_LUA_FAULT = plan}})
end

local function kill_at(text, point)
  assert.equal("SIGKILL", run(text, point .. ":kill@1").signal)
  for turn = 2, TURNS do run(text, ("%s:kill@%d"):format(point, turn)) end -- there may be fewer
end

describe("a host that is killed", function()
  for _, point in ipairs({"worker.fork", "pool.submit", "pool.dispatch", "pool.result", "pool.drain",
                          "pool.close", "sys.fork", "sys.pidfd_open", "sys.epoll_ctl", "sys.waitid"}) do
    it("at " .. point .. " leaves nobody behind", function() kill_at(STARTS_PROGRAM, point) end)
  end

  for _, point in ipairs({"pool.death", "worker.fork", "sys.waitid"}) do
    it("at " .. point .. " while a worker is dead leaves nobody behind", function()
      kill_at(CRASHES, point)
    end)
  end

  it("before its workers are let go leaves nobody behind", function()
    for turn = 1, 2 do
      local result = run(CRASHES, ("child.gate:stop@*,sys.pidfd_open:kill@%d"):format(turn))
      assert.equal("SIGKILL", result.signal)
    end
  end)
end)
