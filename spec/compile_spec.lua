-- Every Lua file keeps to what Lua 5.4 and LuaJIT have in common: both compile it.
local shell = require "spec.support.shell"

local COMPILE_ALL = [[
  for path in io.lines() do
    local chunk, message = loadfile(path)
    if not chunk then print(message) end
  end
]]

local FILES = "find . -path ./build -prune -o -name '*.lua' -print"

for _, lua in ipairs({"lua5.4", "luajit"}) do
  describe(lua, function()
    it("compiles every Lua file of the project", function()
      local paths = shell.run(FILES).stdout
      assert.match("./lua/parallel/init.lua\n", paths, 1, true)
      local result = shell.run({lua, "-e", COMPILE_ALL}, {stdin = paths})
      assert.same({status = 0, stdout = "", stderr = ""}, result)
    end)
  end)
end
