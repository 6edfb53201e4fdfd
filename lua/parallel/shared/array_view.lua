--- array_view: shared arrays as cdata, for LuaJIT.
local ffi = require("ffi")

local NAMES = {i8 = "int8_t", u8 = "uint8_t", i16 = "int16_t", u16 = "uint16_t", i32 = "int32_t",
  u32 = "uint32_t", i64 = "int64_t", u64 = "uint64_t", f32 = "float", f64 = "double", bool = "bool"}

-- What points into the memory of an array leads to that array, which so lives as long. (Not to a
-- slice of it: it would take one round more of the collector to find that nobody needs the array.)
local owners = setmetatable({}, {__mode = "k"})

local function refuse(self, i)
  error(("index %s is outside of the view of %d elements"):format(tostring(i), tonumber(self.count)), 3)
end

local methods = {
  __index = function(self, i)
    if i >= 1 and i <= self.count then return self.elements[i - 1] end
    refuse(self, i)
  end,
  __newindex = function(self, i, value)
    if not (i >= 1 and i <= self.count) then refuse(self, i) end
    self.elements[i - 1] = value
  end,
  __len = function(self) return tonumber(self.count) end,
}

local views, pointers = {}, {} -- the types in C, by their texts and by those of arrays

-- A small count is an int, as are the indices in most compiled loops: they are compared sooner.
local function view_type(ctype, count)
  local int = count < 2 ^ 31 and "int" or "double"
  local text = ("struct { %s *elements; %s count; }"):format(NAMES[ctype], int)
  local made = views[text] or ffi.metatype(ffi.typeof(text), methods)
  views[text] = made
  return made
end

local function pointer_type(ctype)
  local made = pointers[ctype] or ffi.typeof(NAMES[ctype] .. " *")
  pointers[ctype] = made
  return made
end

local view = {}

--- The elements as cdata: v[i] from 1, bounds-checked, and #v. As with every array of
-- C, a value that is written is made to fit. It keeps the array's memory alive, after close too.
function view.new(array)
  local address, ctype, count = array:address()
  local made = view_type(ctype, count)(ffi.cast(pointer_type(ctype), address), count)
  owners[made] = array:origin()
  return made
end

--- The address of the first element: p[0] is a[1], and nothing is checked. This very
-- pointer keeps the memory alive; what is computed from it does not.
function view.pointer(array)
  local address, ctype = array:address()
  local made = ffi.cast(pointer_type(ctype), address)
  owners[made] = array:origin()
  return made
end

return view
