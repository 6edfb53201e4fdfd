-- The same for messages with functions and objects, whose code is sound.
local core = fuzz.core

core.register_type("plain", {})
core.register_type("loaded", {}, {load = function(value) return {value} end})
core.register_type("picky", {}, {load = function(value) return value.field end})

local a, b, c
fuzz.codes({
  string.dump(function() end),
  string.dump(function() return a end),
  string.dump(function() return a, b end),
  string.dump(function(x) a, b, c = x, a, b return c end),
})

-- Nothing that an input could do harm by calling, and nothing to be required.
local function make_libraries()
  for name in pairs(package.loaded) do package.loaded[name] = nil end
  package.loaded.safe = {max = math.max, select = select, error = error, deep = {type = type}}
end
for i = #(package.searchers or package.loaders), 1, -1 do (package.searchers or package.loaders)[i] = nil end

return function(bytes)
  make_libraries()
  local ok, value = pcall(core.decode_trusted, bytes)
  if ok then pcall(core.encode_trusted, value) end
end
