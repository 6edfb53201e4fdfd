local core = require("parallel.core")
local testing = core.testing

describe("a poller", function()
  after_each(function() testing.fault(nil) end)

  it("says why it cannot be made", function()
    testing.fault("sys.epoll_create1:EMFILE@1")
    assert.same({nil, "cannot wait for descriptors: Too many open files", 24}, {core.poller()})
  end)

  it("says why it cannot watch or wait", function()
    local poller, a, b = core.poller(), require("parallel").Pipe()
    testing.fault("sys.epoll_ctl:ENOSPC@1,sys.epoll_wait:EIO@1")
    assert.has_error(function() poller:watch(a:fileno(), true) end, "cannot watch a descriptor: No space left on device")
    assert.has_error(function() poller:wait(0, {}) end, "cannot wait: Input/output error")
    poller:watch(a:fileno(), true)
    b:send("x")
    local ready = {}
    assert.equal(1, poller:wait(nil, ready))
    assert.same({a:fileno()}, ready)
    for _, one in ipairs({poller, a, b}) do one:close() end
  end)

  it("wakes for a signal, with nothing that is ready", function()
    local poller = core.poller()
    testing.fault("sys.epoll_wait:EINTR@1")
    assert.equal(0, poller:wait(1e7, {}))
    poller:close()
  end)

  it("is closed once for all", function()
    local poller = core.poller()
    poller:close()
    poller:close()
    assert.has_error(function() poller:wait(0, {}) end, "attempt to use a closed poller")
    assert.has_error(function() poller:watch(0, true) end, "attempt to use a closed poller")
    assert.has_error(function() poller:fileno() end, "attempt to use a closed poller")
  end)
end)
