-- Shared memory that a process with a descriptor of it cuts short.
local lfs = require "lfs"
local parallel = require "parallel"
local shell = require "spec.support.shell"
local testing = require("parallel.core").testing

-- The descriptors of shared memory that this process has.
local function memories()
  local paths = {}
  for name in lfs.dir("/proc/self/fd") do
    local path = ("/proc/%d/fd/%s"):format(testing.getpid(), name)
    local target = lfs.symlinkattributes(path, "target") or ""
    if target:match("^/memfd:") then paths[path] = true end
  end
  return paths
end

local function is_cut(path) return shell.run({"truncate", "-s", "0", path}).status == 0 end

for name, make in pairs({
  ["a queue"] = parallel.Queue, ["a lock"] = parallel.Lock, ["a barrier"] = function() return parallel.Barrier(1) end,
  ["an array"] = function() return parallel.Array("i8", 10000) end,
}) do
  describe(name, function()
    it("cannot be cut short by who has it, so that others would be killed by SIGBUS", function()
      local before = memories()
      local object = make()
      local found = 0
      for path in pairs(memories()) do
        if not before[path] then
          found = found + 1
          assert.is_false(is_cut(path))
        end
      end
      assert.is_true(found > 0)
      if object.close then object:close() end
    end)
  end)
end
