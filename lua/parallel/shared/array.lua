--- array: numbers of one type in memory that processes share.
-- See core/lua/array.h for their methods. With LuaJIT there are two more, which
-- compiled code reads and writes through as fast as an array of its own.
local core = require("parallel.core")

-- A slice is sent as what it is a slice of, and where it begins and ends.
core.register_type("parallel.shared.array", core.Slice, {
  dump = function(slice) return {slice:origin()} end,
  load = function(parts) return parts[1]:slice(parts[2], parts[3]) end,
})

if rawget(_G, "jit") then
  local view = require("parallel.shared.array_view")
  for _, class in ipairs({core.Array, core.Slice}) do
    class.ffi = view.new
    class.pointer = view.pointer
  end
end

return {new = core.array}
