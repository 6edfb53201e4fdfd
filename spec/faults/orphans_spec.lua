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
    if i == 1 then os.execute("sleep 1000 &") end
    if i == 7 then require("parallel.core").testing.crash("_exit") end
    return i
  end, items, {on_error = "collect", chunksize = 3})
  pool:close()
]]

local function run(point, turn)
  local script = files.write("host.lua", HOST)
  return shell.run({shell.interpreter(), script},
    {env = {PARALLEL_LUA_FAULT = ("%s:kill@%d"):format(point, turn)}})
end

describe("a host that is killed", function()
  for _, point in ipairs({"worker.fork", "pool.submit", "pool.dispatch", "pool.result", "pool.death",
                          "pool.drain", "pool.close", "sys.fork", "sys.pidfd_open", "sys.epoll_ctl",
                          "sys.waitid"}) do
    it("at " .. point .. " leaves nobody behind", function()
      assert.equal("SIGKILL", run(point, 1).signal)
      for turn = 2, TURNS do run(point, turn) end -- there may be fewer turns
    end)
  end

  it("before its workers are let go leaves nobody behind", function()
    for turn = 1, TURNS do
      local script = files.write("host.lua", HOST)
      local result = shell.run({shell.interpreter(), script}, {env = {
        PARALLEL_LUA_FAULT = ("child.gate:stop@*,sys.pidfd_open:kill@%d"):format(turn)}})
      if turn == 1 then assert.equal("SIGKILL", result.signal) end
    end
  end)
end)
