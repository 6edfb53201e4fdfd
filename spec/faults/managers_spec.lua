-- Managers and their clients, ended or stopped wherever something changes.
local core = require "parallel.core"
local files = require "spec.support.files"
local kept = require "spec.support.kept"
local parallel = require "parallel"
local raised = require("spec.support.trials").raised
local testing = core.testing

local SOON = 20
local ENDED = "the manager has ended"

local keep, start = kept.keep, kept.start
local manager

local function new_manager()
  local made, why = parallel.Manager{ address = files.path("manager"), linger = 0.001 }
  return made and keep(made), why
end

before_each(function() testing.fault(nil) end) -- what is armed later is known to processes of now

after_each(function()
  kept.close()
  manager = nil
  collectgarbage()
end)

local function finish(process) assert.is_true(process:join(SOON)) end

local function process_of_manager()
  for _, process in ipairs(parallel.active_children()) do
    if process.name == "manager" then return process end
  end
end

-- Until it is so, which another process sees to.
local function await(is_so)
  local deadline = core.clock() + SOON
  while not is_so() do assert.is_true(core.clock() < deadline) end
end

-- All that a manager does: objects are made, asked, waited for, and go; clients come and go.
local function keep_busy(queue, place)
  local other = start(function()
    pcall(function()
      place.there = true
      queue:put(queue:get())
    end)
  end)
  pcall(function()
    await(function() return place.there end)
    manager:dict().x = 1 -- of which nobody has a proxy then
    collectgarbage()
    queue:put(1)
    queue:get(SOON)
  end)
  finish(other)
  await(function() return not pcall(manager.count, manager) end)
end

describe("a manager that is killed", function()
  it("before it has told where it is, does not come about", function()
    testing.fault("manager.listening:killchild@1")
    local none, why = new_manager()
    assert.is_nil(none)
    assert.equal("the manager's process has died", why)
  end)

  it("when it has let its owner in says so at the first use", function()
    testing.fault("manager.welcomed:killchild@1")
    manager = new_manager()
    assert.match("managers_spec.lua:%d+: " .. ENDED, raised(function() manager:dict() end))
  end)

  for _, point in ipairs({
    "manager.welcomed", "manager.asked", "manager.made", "manager.granted", "manager.done", "manager.put_aside",
    "manager.woke", "manager.dropped", "manager.let_go",
  }) do
    it("at " .. point .. " says so to all, to who waits too", function()
      manager = new_manager()
      local queue, never, told = manager:queue(), manager:queue(), keep(parallel.Queue())
      local place = manager:dict()
      local waiter = start(function()
        place.waits = true
        told:put(select(2, pcall(never.get, never)))
      end)
      await(function() return place.waits end)
      testing.fault(point .. ":killchild@1")
      keep_busy(queue, place)
      assert.equal(1, testing.fault_acted())
      assert.match(ENDED, told:get(SOON))
      finish(waiter)
      assert.match("managers_spec.lua:%d+: " .. ENDED, raised(function() place.x = 1 end))
    end)
  end
end)

describe("a manager's client", function()
  local place, lock, queue

  before_each(function()
    manager = new_manager()
    place, lock, queue = manager:dict(), manager:lock(), manager:queue()
  end)

  after_each(function() place, lock, queue = nil, nil, nil end)

  -- Nothing of it is left there, and all others go on.
  local function assert_forgotten(objects)
    assert.is_true(lock:acquire(SOON))
    lock:release()
    queue:put("for the living")
    assert.equal("for the living", queue:get(SOON))
    await(function() return manager:count() == objects end)
  end

  for _, point in ipairs({"link.connected", "link.asked", "link.answered", "link.settled"}) do
    for turn = 1, 4 do
      it(("that is killed at %s, number %d, costs nobody else anything"):format(point, turn), function()
        local objects = manager:count()
        testing.fault(("%s:killchild@%d"):format(point, turn))
        finish(start(function()
          lock:acquire()
          manager:list{ place }:append(manager:lock())
          collectgarbage()
          lock:release()
          queue:get(0)
        end))
        assert_forgotten(objects)
      end)
    end
  end

  it("that is killed while it waits gets nothing that others could have", function()
    local objects = manager:count()
    local waiter = start(function()
      place.waits = true
      queue:get()
    end)
    await(function() return place.waits end)
    waiter:kill()
    finish(waiter)
    assert_forgotten(objects)
  end)

  it("that is stopped delays nobody, and goes on when it may", function()
    local done = manager:event()
    local stopped = start(function()
      lock:acquire()
      place.big = ("x"):rep(1000000)
      place.pid = testing.getpid()
      testing.kill(testing.getpid(), "STOP")
      for _ = 1, 10 do assert(#place.big == 1000000) end
      lock:release()
      done:set()
    end)
    await(function() return place.pid end)
    assert.is_false(lock:acquire(0.001)) -- it lives, and so it holds it
    assert.equal(1000000, #place.big)
    await(function() return files.read(("/proc/%d/stat"):format(stopped.pid)):match("^.*%) T") end)
    testing.kill(stopped.pid, "CONT")
    assert.is_true(done:wait(SOON))
    finish(stopped)
    assert.is_true(lock:acquire(SOON))
  end)

  it("that is stopped and then killed gives back what it held", function()
    local stopped = start(function()
      lock:acquire()
      place.pid = testing.getpid()
      testing.kill(testing.getpid(), "STOP")
    end)
    await(function() return place.pid end)
    stopped:kill()
    finish(stopped)
    assert.same({true, "abandoned"}, {lock:acquire(SOON)})
  end)

  it("that is killed in the middle of a request was not heard", function()
    local objects, go = manager:count(), keep(parallel.Event())
    local victim = start(function()
      place.there = true
      go:wait()
      place.big = ("x"):rep(10000000)
    end)
    await(function() return place.there end)
    testing.kill(process_of_manager().pid, "STOP") -- so that there is no room for all of it
    testing.fault("connection.full:killchild@1")
    go:set()
    finish(victim)
    testing.kill(process_of_manager().pid, "CONT")
    assert.same({true, nil}, {place.there, place.big})
    assert_forgotten(objects)
  end)
end)

describe("a manager that is stopped", function()
  it("is waited for as long as its clients like, and goes on", function()
    manager = new_manager()
    local event = manager:event()
    testing.kill(process_of_manager().pid, "STOP")
    local told = keep(parallel.Queue())
    local asker = start(function() told:put(event:wait(SOON)) end)
    testing.kill(process_of_manager().pid, "CONT")
    event:set()
    assert.is_true(told:get(SOON))
    finish(asker)
  end)
end)
