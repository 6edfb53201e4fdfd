local files = require "spec.support.files"
local shell = require "spec.support.shell"

-- What these seeds draw: workers from each start method, none at all, and an event loop.
local SEEDS = {1, 2, 3, 4, 5, 6}

describe("random operations on a pool", function()
  for _, seed in ipairs(SEEDS) do
    it(("leave it sound with seed %d"):format(seed), function()
      local command = {shell.interpreter(), "spec/chaos/operate.lua", files.folder("run"), tostring(seed)}
      local result = shell.run(command, {env = {LUA_PATH = "./?.lua;;"}})
      assert.equal("", result.stderr)
      assert.equal(0, result.status)
    end)
  end
end)
