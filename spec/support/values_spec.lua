require("parallel")
local core = require("parallel.core")
local values = require("spec.support.values")

values.register_types(core)

local function refuses(objects, copies)
  return not pcall(values.compare, objects, copies)
end

describe("values.compare", function()
  it("takes a value for its own copy", function()
    for seed = 1, 100 do values.compare(values.random(seed), values.random(seed)) end
  end)

  it("sees other values and types", function()
    assert.is_true(refuses({1}, {2}))
    assert.is_true(refuses({"1"}, {1}))
    assert.is_true(refuses({0.0}, {-0.0}))
    assert.is_true(refuses({{}}, {print}))
    assert.is_true(refuses({{1}}, {{1, 2}}))
    assert.is_true(refuses({{1, 2}}, {{1}}))
    assert.is_true(refuses({setmetatable({}, {})}, {{}}))
    if math.type then assert.is_true(refuses({1}, {1.0})) end
  end)

  it("sees what is shared in one of the two only", function()
    local a, b = {}, {}
    assert.is_true(refuses({{a, a}, a}, {{b, {}}, b}))
    assert.is_true(refuses({{a, {}}, a}, {{b, b}, b}))
    a.self, b.self = a, {}
    assert.is_true(refuses({a}, {b}))
  end)

  it("sees functions of other variables", function()
    local function pair(shared)
      local x, y = 1, 1
      local function get() return x end
      local function get_too() return x end
      if not shared then get_too = function() return y end end
      return {get, get_too, function() x, y = 2, 2 end}
    end
    values.compare(pair(true), pair(true))
    assert.is_true(refuses(pair(true), pair(false)))
    local function of(value) return function() return value end end
    assert.is_true(refuses({of(1)}, {of(2)}))
  end)
end)

describe("values.random", function()
  it("makes values of every kind", function()
    local found = {}
    for seed = 1, 300 do
      for _, object in ipairs(values.random(seed)) do
        local metatable = getmetatable(object)
        found[type(object)] = true
        if type(metatable) == "table" and next(metatable) == nil then found[metatable] = true end
        if type(object) == "table" then
          for key, value in pairs(object) do
            found["key " .. type(key)], found["item " .. type(value)] = true, true
          end
        end
      end
    end
    for _, kind in ipairs({"table", "function", "string", "number", "boolean"}) do
      assert.is_true(found[kind], kind)
      assert.is_true(found["key " .. kind], "key " .. kind)
      assert.is_true(found["item " .. kind], "item " .. kind)
    end
    local types = 0
    for kind in pairs(found) do types = types + (type(kind) == "table" and 1 or 0) end
    assert.equal(2, types)
  end)
end)
