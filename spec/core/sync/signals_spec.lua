-- Signals that come while something is waited for: Lua has its say, and the wait goes on.
local parallel = require "parallel"
local child = require "spec.support.child"
local shell = require "spec.support.shell"
local files = require "spec.support.files"
local testing = require("parallel.core").testing

local SOON = 5

describe("under 5000 signals a second", function()
  before_each(function() testing.storm(5000) end)
  after_each(function() testing.storm(0) end)

  it("a queue hands out every item once", function()
    local queue = parallel.Queue(3)
    local other = child.start(function()
      testing.storm(5000)
      for i = 1, 2000 do queue:put(i) end
    end)
    for i = 1, 2000 do assert.equal(i, queue:get(SOON)) end
    other:finish()
  end)

  it("locks are waited for in time", function()
    local lock, event = parallel.Lock(), parallel.Event()
    assert.same({nil, "timeout"}, {event:wait(0.02)})
    lock:acquire()
    assert.is_false(lock:acquire(0.02))
    lock:release()
    assert.is_false(parallel.Semaphore(0):acquire(0.02))
    assert.same({nil, "broken"}, {parallel.Barrier(2):wait(0.02)})
    local condition = parallel.Condition(lock)
    condition:acquire()
    assert.same({nil, "timeout"}, {condition:wait(0.02)})
    condition:release()
    assert.same({nil, "timeout"}, {parallel.Queue():get(0.02)})
  end)

  it("rounds at a barrier are rounds", function()
    local barrier = parallel.Barrier(2)
    local other = child.start(function()
      testing.storm(5000)
      for _ = 1, 50 do assert.is_number(barrier:wait(SOON)) end
    end)
    for _ = 1, 50 do assert.is_number(barrier:wait(SOON)) end
    other:finish()
  end)
end)

describe("Ctrl-C", function()
  -- The stand-alone program sets a debug hook on SIGINT and raises from it.
  for name, wait in pairs({
    ["a queue's get"] = "parallel.Queue():get()",
    ["a queue's put"] = "local q = parallel.Queue(1) q:put(1) q:put(2)",
    ["a queue's join"] = "local q = parallel.Queue(1) q:put(1) q:join()",
    ["a lock"] = "local l = parallel.Lock() l:acquire() l:acquire()",
    ["a semaphore"] = "parallel.Semaphore(0):acquire()",
    ["an event"] = "parallel.Event():wait()",
    ["a condition"] = "local c = parallel.Condition() c:acquire() c:wait()",
    ["a barrier"] = "parallel.Barrier(2):wait()",
  }) do
    it("ends the wait for " .. name, function()
      local ready = files.path("ready")
      local script = files.write("wait.lua", ([[
        local parallel = require "parallel"
        io.open(%q, "w"):close()
        %s
      ]]):format(ready, wait))
      local command = shell.start({shell.interpreter(), script})
      while not files.read(ready) do require("parallel.core").poll({}, 0.001) end
      local ended
      repeat
        command:kill("INT")
        require("parallel.core").poll({}, 0.01)
        ended = testing.wait(command.pid, true)
      until ended
    end)
  end
end)
