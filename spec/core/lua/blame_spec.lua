-- Mistakes that C finds out are told at the line of whoever made them, though Lua files of the
-- library stand between.
local parallel = require "parallel"
local raised = require("spec.support.trials").raised

local function closed(object)
  object:close()
  return object
end

local condition, barrier = parallel.Condition(), parallel.Barrier(2)
local lock = parallel.Lock()

local MISTAKES = {
  ["attempt to use a closed lock"] = function() closed(parallel.Lock()):guard() end,
  ["attempt to use a closed barrier"] = function() closed(parallel.Barrier(1)):wait() end,
  ["attempt to use a closed condition"] = function()
    local c = closed(parallel.Condition())
    c:with(function() c:notify() end)
  end,
  ["attempt to use a closed listener"] = function()
    closed(parallel.Listener({address = os.getenv("TMPDIR") .. "/s", authkey = false})):accept(0)
  end,
  ["attempt to release a lock that this process does not hold"] = function()
    lock:with(function() lock:release() end)
  end,
  ["attempt to release a lock"] = function() condition:release() end,
  ["bad argument #1 to 'acquire' %(number of seconds expected, got string%)"] = function()
    condition:acquire("x")
  end,
  ["bad argument #1 to 'wait' %(number of seconds expected, got boolean%)"] = function() barrier:wait(true) end,
  ["bad argument #2 to 'wait_for' %(number of seconds expected, got table%)"] = function()
    condition:wait_for(print, {})
  end,
  ["bad argument #1 to 'notify' %(a number of processes expected%)"] = function() condition:notify(-1) end,
  ["bad argument #1 to 'join' %(number of seconds expected, got string%)"] = function()
    parallel.Process(print):join("x")
  end,
  ["bad argument #1 to 'with' %(object with close expected, got table%)"] = function()
    parallel.with({}, print)
  end,
  ["cannot send: x%[1%]: a coroutine cannot leave its process"] = function()
    local a = parallel.Pipe()
    a:send({x = {coroutine.create(print)}})
  end,
}

describe("a mistake that C finds out", function()
  for message, make in pairs(MISTAKES) do
    it("is told at its own line: " .. message, function()
      assert.match("^spec/core/lua/blame_spec.lua:%d+: " .. message, raised(make))
    end)
  end

  it("is told so of a process that is another's child", function()
    local child = parallel.Process(os.exit)
    child:start()
    local mine = parallel.Process(function()
      local why = raised(function() child:join() end)
      os.exit(why:find("^spec/core/lua/blame_spec.lua:%d+: this process is a child of process") and 7 or 8)
    end)
    mine:start()
    mine:join()
    child:join()
    assert.equal(7, mine.exitcode)
  end)
end)
