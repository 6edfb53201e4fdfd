-- One program keeps the counters, others count, at the same time.
local files = require "spec.support.files"
local shell = require "spec.support.shell"

local EXAMPLE = "examples/counter_service.lua"

describe("the example counter_service.lua", function()
  it("counts for several programs at once", function()
    local address, input = files.path("counters.sock"), files.path("input")
    assert.equal(0, shell.run({"mkfifo", input}).status)
    local server = shell.start(("%s %s serve '%s' secret < '%s'"):format(
      shell.program(), EXAMPLE, address, input))
    local open = files.open_pipe(input)
    assert.equal(address, server:await("^serving at (.*)\n"))
    local counting = {}
    for i = 1, 3 do
      counting[i] = shell.start({shell.program(), EXAMPLE, "count", address, "secret", "apples", tostring(i)})
    end
    local most = 0
    for i = 1, 3 do
      local result = counting[i]:wait()
      assert.same({0, ""}, {result.status, result.stderr})
      most = math.max(most, tonumber(result.stdout:match("^apples\t(%d+)\n$")))
    end
    assert.equal(6, most)
    open:close()
    assert.same({status = 0, stdout = ("serving at %s\n"):format(address), stderr = ""}, server:wait())
  end)
end)
