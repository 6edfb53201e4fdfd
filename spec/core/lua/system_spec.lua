local child = require("spec.support.child")
local core = require("parallel.core")
local testing = core.testing

describe("what the core tells of the system", function()
  after_each(function() testing.fault(nil) end)

  it("is the number of a signal, or that there is none of the name", function()
    assert.equal(9, core.signal_number("SIGKILL"))
    for _, name in ipairs({"SIGNONE", "KILL", "SIG", "SIGKILL9", "sigkill"}) do
      assert.is_nil(core.signal_number(name))
    end
  end)

  it("is why it cannot watch a process", function()
    testing.fault("sys.pidfd_open:EMFILE@1")
    assert.same({nil, "cannot watch the process: Too many open files", 24}, {core.watch(core.pid())})
  end)

  it("is why it cannot wait, but a signal only ends the waiting", function()
    testing.fault("sys.poll:ENOMEM@1,sys.poll:EINTR@1")
    assert.has_error(function() core.poll({}, 1e7) end, "cannot poll: Cannot allocate memory")
    assert.same({}, core.poll({}, 1e7))
  end)

  it("is that a processor cannot be pinned to that is not counted", function()
    assert.error_matches(function() core.pin(0) end, "processors count from 1")
  end)

  it("is why it may not go before others", function()
    child.start(function()
      testing.become(65534) -- or it is no mighty user already
      assert.same({nil, "cannot set the niceness: Operation not permitted", 1}, {core.nice(-1)})
    end):finish()
  end)
end)
