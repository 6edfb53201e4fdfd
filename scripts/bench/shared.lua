-- shared: what numbers in shared memory cost, one by one and many at a time.
--
-- A work is run by programs that each print one figure (shared/ours.lua, shared/python.py and
-- limits/shared.c), in turn, as often as the others of `make bench`; the medians are a table's row.

local measurement = require("measurement")

local shared = {}

local SCRIPTS = "../../scripts/bench/shared/"

-- What is measured, its name for the programs, the unit and its format, and who takes part.
local WORKS = {
  { "add to a `Value` (Python: under its lock, having no other way)", "add", "ns", "%.0f",
    "lua luajit python limit" },
  { "lock a `Value`, get it, set it, and unlock it", "lock", "ns", "%.0f", "lua luajit python" },
  { "the sum of an `Array` of 1e7 doubles", "sum", "ms", "%.1f", "lua luajit python limit" },
  { "add up its elements in a loop, each", "read", "ns", "%.1f", "lua luajit python limit" },
  { "the same through `a:ffi()`", "view", "ns", "%.1f", "luajit" },
  { "the same of a plain FFI array", "plain", "ns", "%.1f", "luajit" },
}

local COLUMNS = { "lua", "luajit", "python", "limit" }

--- Prints the table, with the modules for Lua 5.4 and LuaJIT at these paths.
function shared.run(module, luajit_module, python, runs)
  local commands = {
    lua = ("lua5.4 %sours.lua %s "):format(SCRIPTS, module),
    luajit = ("luajit %sours.lua %s "):format(SCRIPTS, luajit_module),
    python = ("%s %spython.py "):format(python, SCRIPTS),
    limit = "./shared ",
  }
  print("\n**Shared numbers**: one process, nobody waits; the limit is C.\n")
  print("| work | unit | **parallel-lua**, Lua 5.4 | **parallel-lua**, LuaJIT | Python | limit |")
  print("| --- | --- |" .. (" ---: |"):rep(#COLUMNS))
  for _, work in ipairs(WORKS) do
    local title, name, unit, format, takers = table.unpack(work)
    local those = {}
    for taker in takers:gmatch("%a+") do those[taker] = commands[taker] .. name end
    local cells = measurement.cells(measurement.medians(those, runs), COLUMNS, format)
    print(("| %s | %s | %s |"):format(title, unit, cells))
  end
end

return shared
