-- The module is a table of names, whose files are loaded when they are asked for.
local files = require "spec.support.files"
local parallel = require "parallel"
local shell = require "spec.support.shell"

local NAMES = {
  "Array", "Barrier", "BoundedSemaphore", "Client", "Condition", "Event", "JoinableQueue", "Listener", "Loader",
  "Lock", "Manager", "Pipe", "Pool", "Process", "Queue", "RLock", "Semaphore", "SharedMemory", "SimpleQueue",
  "Value", "active_children", "connect", "cpu_count", "current_process", "fields", "foreach",
  "get_all_start_methods", "get_context", "grid", "imap", "imap_unordered", "lines", "log", "map",
  "mapreduce", "ngrams", "parent_process", "random_stream", "reduce", "register", "register_type",
  "set_start_method", "starmap", "wait", "with", "words", "worker_info",
}

describe("the module", function()
  it("has what it offers, and nothing else", function()
    for _, name in ipairs(NAMES) do assert.is_truthy(parallel[name], name) end
    assert.is_nil(parallel.Pol)
    assert.is_nil(parallel[1])
  end)

  it("gives the same value each time", function()
    for _, name in ipairs(NAMES) do assert.equal(parallel[name], parallel[name]) end
  end)

  if not rawget(_G, "jit") then
    it("tells all of its names to pairs", function()
      local path = files.write("program.lua", [[
        local seen = {}
        for name in pairs(require "parallel") do seen[name] = true end
        for _, name in ipairs(arg) do assert(seen[name], name) end]])
      local result = shell.run({shell.interpreter(), path, unpack and unpack(NAMES) or table.unpack(NAMES)})
      assert.same({status = 0, stdout = "", stderr = ""}, result)
    end)
  end

  it("loads no more than what is used", function()
    local path = files.write("program.lua", [[
      require("parallel").Pool(1):close()
      for _, name in ipairs{"manager", "loader", "mapreduce", "net.listener", "monitor.report"} do
        assert(not package.loaded["parallel." .. name], name)
      end]])
    assert.same({status = 0, stdout = "", stderr = ""}, shell.run({shell.interpreter(), path}))
  end)
end)
