-- Write Lua files as a C table of modules, compiled by the Lua that runs this.
--
--    lua5.4 scripts/embed.lua $(find lua -name '*.lua') > build/modules.c
--
-- Sources and lines are kept: tracebacks name them. A file is named
-- after its path below lua/ (or below a folder of package.path), and
-- init.lua after its folder, as require would find it.

local lean = dofile((arg[0]:gsub("embed%.lua$", "lean.lua")))

local function module_name(path)
  local name = path:match("lua/(parallel/.+)%.lua$") or path:match("([^/]+)%.lua$")
  return (name:gsub("/init$", ""):gsub("/", "."))
end

local function as_c_array(bytes)
  local lines = {}
  for i = 1, #bytes, 24 do
    lines[#lines + 1] = (bytes:sub(i, i + 23):gsub(".", function(c) return c:byte() .. "," end))
  end
  return table.concat(lines, "\n")
end

local function compiled(path, chunk)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return lean(string.dump(assert((loadstring or load)(text, chunk))))
end

local entries = {}
print('#include "core/lua/module.h"')
for i, path in ipairs(arg) do
  local name = module_name(path)
  local chunk = "@" .. (path:match("lua/(parallel/.+)$") or path:match("[^/]+$"))
  local bytes = compiled(path, chunk)
  print(("static const unsigned char BYTES_%d[] = {\n%s};"):format(i, as_c_array(bytes)))
  entries[i] = ('{"%s", "%s", (const char *)BYTES_%d, %d},'):format(name, chunk, i, #bytes)
end
print("const EmbeddedModule EMBEDDED_MODULES[] = {\n" .. table.concat(entries, "\n"))
print("{NULL, NULL, NULL, 0}};")
