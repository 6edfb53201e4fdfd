-- A pool in a host of other threads, which hold locks when it is made.
local files = require "spec.support.files"
local shell = require "spec.support.shell"

local LUA = rawget(_G, "jit") and "luajit" or "lua5.4"

local function build_host()
  local host = files.path("hammered")
  local result = shell.run(("%s -std=gnu11 -o '%s' spec/host/hammered.c $(pkg-config --cflags --libs %s) -pthread"):format(
    os.getenv("CC") or "cc", host, LUA))
  assert.same({status = 0, stdout = "", stderr = ""}, result)
  return host
end

describe("a host with threads that hammer", function()
  it("has workers from a template, and its tasks done", function()
    local script = files.write("tasks.lua", [[
      local parallel = require("parallel")
      _G.inherited = true -- by a fork
      local pool = parallel.Pool(2)
      local function work(i) return os.date("%Y", 0) and _G.inherited and 0 or i end
      local results, sum = pool:map(work, function() N = (N or 0) + 1 return N <= 10000 and N or nil end), 0
      for i = 1, 10000 do sum = sum + results[i] end
      print(("%d"):format(sum))
      pool:close()]])
    assert.same({status = 0, stdout = "50005000\n", stderr = ""}, shell.run({build_host(), script}))
  end)
end)
