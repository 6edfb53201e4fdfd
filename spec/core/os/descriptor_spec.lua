local core = require("parallel.core")
local files = require("spec.support.files")
local shell = require("spec.support.shell")
local testing = core.testing

describe("writing to a pipe that nobody reads", function()
  -- On kernels without RWF_NOSIGNAL the signal is caught before it can end the process.
  for _, plan in ipairs({"", "sys.pwritev2:EOPNOTSUPP@*", "sys.pwritev2:EINVAL@*", "sys.pwritev2:ENOSYS@*"}) do
    it("is an error and no signal " .. plan, function()
      local script = files.write("program.lua", [[
        local core = require("parallel") and require("parallel.core")
        core.poll({1}) -- until the reader is gone
        for _ = 1, 2 do io.stderr:write(select(2, core.write(1, "lost")), "\n") end
      ]])
      local result = shell.run({"bash", "-c", "set -o pipefail; \"$@\" | true", "bash", shell.interpreter(), script},
        {env = {PARALLEL_LUA_FAULT = plan}})
      assert.same({status = 0, stdout = "", stderr = "Broken pipe\nBroken pipe\n"}, result)
    end)
  end
end)

describe("writing all", function()
  local file

  before_each(function() file = core.scratch() end)

  after_each(function()
    testing.fault(nil)
    file:close()
  end)

  local function text()
    local handle = assert(io.open("/proc/self/fd/" .. file:fd(), "rb"))
    local all = handle:read("*a")
    handle:close()
    return all
  end

  it("waits for room, whatever signals come meanwhile", function()
    for _, plan in ipairs({"sys.pwritev2:EAGAIN@1", "sys.pwritev2:EAGAIN@1,sys.poll:EINTR@1", "sys.pwritev2:EINTR@1",
                           "sys.pwritev2:EOPNOTSUPP@*,sys.write:EINTR@1,sys.write:short@2"}) do
      testing.fault(plan)
      assert.is_true(core.write(file:fd(), "all of it,"))
    end
    testing.fault(nil)
    assert.equal(("all of it,"):rep(4), text())
  end)

  it("tells why it cannot wait for room", function()
    testing.fault("sys.pwritev2:EAGAIN@1,sys.poll:ENOMEM@1")
    local ok, why, errno = core.write(file:fd(), "not this")
    assert.same({nil, "Cannot allocate memory", 12}, {ok, why, errno})
    assert.equal("", text())
  end)
end)
