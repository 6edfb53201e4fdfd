-- machine: what the figures were measured on, and which of the peers are there.

local output_of = require("measurement").output_of

local machine = {}

-- What a peer is called, what prints its version, and the package that brings it.
local TOOLS = {
  { name = "Lua", command = "lua5.4 -v", package = "lua5.4" },
  { name = "LuaJIT", command = "luajit -v", package = "luajit" },
  { name = "Python", command = "python3 -V", package = "python3" },
  { name = "perl", command = "perl -e 'printf q(%vd), $^V'", package = "perl" },
  { name = "MCE", command = "perl -MMCE -e 'print $MCE::VERSION'", package = "libmce-perl" },
  { name = "mawk", command = "mawk -W version", package = "mawk" },
  { name = "GNU parallel", command = "parallel --version", package = "parallel" },
  {
    name = "luv",
    command = "lua5.4 -e 'print(require(\"luv\").version_string())'",
    package = "lua-luv",
  },
  { name = "coreutils", command = "sort --version", package = "coreutils" },
  { name = "C compiler", command = "${CC:-cc} -dumpfullversion", package = "gcc" },
}

local function version_of(tool)
  local text = output_of(tool.command .. " 2>/dev/null </dev/null")
  return text and text:match("%d[%w.]*")
end

--- Returns the versions of the tools that are there, by name.
function machine.versions()
  local versions = {}
  for _, tool in ipairs(TOOLS) do versions[tool.name] = version_of(tool) end
  return versions
end

--- Returns which packages would bring the tools that are not there.
function machine.missing(versions)
  local packages = {}
  for _, tool in ipairs(TOOLS) do
    if not versions[tool.name] then packages[#packages + 1] = tool.package end
  end
  return packages
end

--- Describes processor, kernel and tools in one line.
function machine.describe(versions)
  local processor = output_of("sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1")
  local kernel = output_of("uname -r"):match("^%d+%.%d+")
  local parts = { ("%s, %s processors, Linux %s"):format(processor, output_of("nproc"), kernel) }
  for _, tool in ipairs(TOOLS) do
    if versions[tool.name] then parts[#parts + 1] = tool.name .. " " .. versions[tool.name] end
  end
  return table.concat(parts, "; ")
end

--- Returns how many others want a processor now (the load average of the last minute).
function machine.load() return tonumber(output_of("cut -d' ' -f1 /proc/loadavg")) end

return machine
