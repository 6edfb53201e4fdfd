local files = require "spec.support.files"
local shell = require "spec.support.shell"

-- By what they draw.
local SEEDS = {
  {"forked workers", 9}, {"workers from a template", 12}, {"fresh interpreters", 17},
  {"no workers", 10}, {"an event loop", 33}, {"tasks that take too long", 25},
}

describe("random operations on a pool", function()
  for _, case in ipairs(SEEDS) do
    it("leave it sound with " .. case[1], function()
      local seed = tostring(case[2])
      local command = {shell.interpreter(), "spec/chaos/operate.lua", files.folder("run"), seed}
      local result = shell.run(command, {env = {LUA_PATH = "./?.lua;;"}})
      assert.equal("", result.stderr)
      assert.equal(0, result.status)
    end)
  end
end)
