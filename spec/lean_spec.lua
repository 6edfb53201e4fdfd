-- scripts/lean.lua, by which the program's own Lua files load sooner.
local lean = dofile("scripts/lean.lua")

local SOURCE = [[
local first, second = 12345678901, 0.5
local function inner(a, ...)
  local sum = first
  for _, n in ipairs({...}) do sum = sum + n end
  if not a then error("no a") end
  return sum * second, "a string that is longer than forty bytes, so that it is a long one"
end
return function(...) return inner(...) end
]]

local compiled = string.dump(assert((loadstring or load)(SOURCE, "@folder/name.lua")))

describe("lean", function()
  it("leaves a chunk that does the same, with its file and lines", function()
    local f = assert((loadstring or load)(lean(compiled), "=other", "b"))()
    local number, text = f(true, 1, 2)
    assert.equal((12345678901 + 3) * 0.5, number)
    assert.match("^a string that", text)
    local ok, message = pcall(f)
    assert.same({false, "folder/name.lua:5: no a"}, {ok, message})
  end)

  if _VERSION == "Lua 5.4" then
    it("drops the names of locals and upvalues, save _ENV", function()
      local small = lean(compiled)
      assert.is_true(#small < #compiled)
      for _, name in ipairs({"first", "second", "inner", "sum"}) do
        assert.is_nil(small:find(name, 1, true), name)
        assert.is_truthy(compiled:find(name, 1, true), name)
      end
      assert.is_truthy(small:find("_ENV", 1, true))
    end)

    it("refuses what ends too early or goes on", function()
      assert.has_error(function() lean(compiled:sub(1, -2)) end)
      assert.has_error(function() lean(compiled .. "x") end)
    end)
  end

  it("leaves chunks of another format alone", function()
    assert.equal("\27LJ\2 something", lean("\27LJ\2 something"))
  end)
end)
