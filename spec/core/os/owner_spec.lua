require "parallel"
local core = require "parallel.core"
local testing = core.testing
local files = require "spec.support.files"

-- What core.pid says in a forked child, and what it is.
local function in_child()
  local path = files.path("pids")
  local child = testing.fork()
  if child == 0 then
    local file = io.open(path, "w")
    file:write(core.pid(), " ", core.pid(), " ", testing.getpid())
    file:close()
    testing.kill(testing.getpid(), "KILL")
  end
  testing.wait(child)
  return files.read(path):match("(%d+) (%d+) (%d+)")
end

describe("the owner of a thing", function()
  after_each(function() testing.fault(nil) end)

  it("is this process, and no child of it", function()
    assert.equal(testing.getpid(), core.pid())
    local first, second, child = in_child()
    assert.same({child, child}, {first, second})
    assert.not_equal(tostring(testing.getpid()), child)
    assert.equal(testing.getpid(), core.pid())
  end)

  for _, fault in ipairs({"sys.mmap:ENOMEM@*", "sys.madvise:EINVAL@*"}) do
    it("is known in a child with " .. fault, function()
      testing.fault(fault)
      local first, second, child = in_child()
      assert.same({child, child}, {first, second})
    end)
  end
end)
