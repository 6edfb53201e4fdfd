--- shared_memory: bytes that processes share; by a name, for programs that have nothing else
-- in common, or without.
local check = require("parallel.base.check")
local core = require("parallel.core")

local SharedMemory = {}
SharedMemory.__index = SharedMemory
core.register_type("parallel.shared.shared_memory", SharedMemory)

-- POSIX has a slash before such names; here it may be left out.
local function bare(name) return name and (name:gsub("^/", "")) end

local function open(options)
  local name, size = bare(options.name), options.size
  if options.create or name == nil then return core.shared_memory(name, size) end
  local memory, why = core.attach_memory(name)
  if not memory or not size or memory:count() >= size then return memory, why end
  local count = memory:count()
  memory:close()
  local text = "cannot attach shared memory '%s': it has %.0f bytes, fewer than %.0f"
  return nil, text:format(name, count, size)
end

local function refuse(...)
  check.fail(("bad argument #1 to 'SharedMemory' (%s)"):format(string.format(...)))
end

local function check_name(name)
  if type(name) ~= "string" then refuse("name must be a string, got %s", type(name)) end
  local text = bare(name)
  if text:find("^%.?%.?$") or #text > 200 or text:find("[/%z]") then
    refuse("name must be 1 to 200 bytes without slashes within, got '%s'", name)
  end
end

local OPTIONS = {name = true, size = true, create = "boolean"}

local function check_options(options)
  check.options(options, OPTIONS, 1, "SharedMemory")
  if options.name ~= nil then check_name(options.name) end
  check.whole_option(options, "size", 1, 1, "SharedMemory")
  if options.size == nil and (options.create or options.name == nil) then
    refuse("size is needed to make one")
  end
end

--- Make shared memory or attach to some. Options: name, size in bytes, create (true: there must
-- be none of that name yet). Without create there must be one, of at least `size`; without a name it is
-- made, and goes when nobody has it any longer. nil, message when it cannot be had.
-- Fields: name, size.
local function new(options)
  check_options(options)
  local memory, why = open(options)
  if not memory then return nil, why end
  return setmetatable({memory = memory, name = options.name, size = memory:count()}, SharedMemory)
end

local function check_open(self)
  if self.closed then check.fail("attempt to use a closed shared memory") end
end

local function check_place(i, number, name)
  if i == nil or type(i) == "number" and i == math.floor(i) then return end
  check.fail(("bad argument #%d to '%s' (whole number expected, got %s)"):format(number, name, tostring(i)))
end

-- From the end when negative, as string.sub counts.
local function place(self, i) return i < 0 and self.size + i + 1 or i end

--- The bytes from first (default: 1) to last (default: -1), counted as string.sub does.
function SharedMemory:read(first, last)
  check_open(self)
  check_place(first, 1, "read")
  check_place(last, 2, "read")
  first = math.max(place(self, first or 1), 1)
  last = math.min(place(self, last or -1), self.size)
  if first > last then return "" end
  return (self.memory:read(first - 1, last - first + 1))
end

--- Put the bytes of a string there, the first of them at this place, negative from the end.
-- Raises when not all fit.
function SharedMemory:write(first, bytes)
  check_open(self)
  check.type(first, "number", 1, "write")
  check_place(first, 1, "write")
  check.type(bytes, "string", 2, "write")
  local at = place(self, first)
  if at < 1 or at + #bytes - 1 > self.size then
    check.fail(("%d bytes from %s on do not fit in %.0f"):format(#bytes, tostring(first), self.size))
  end
  self.memory:write(at - 1, bytes)
end

--- Of no more use in this process; twice is harmless. The name stays.
function SharedMemory:close()
  self.closed = true
  self.memory:close()
end

--- Take the name away: true, or nil, message. Those that are attached stay so.
function SharedMemory:unlink()
  if self.name then return core.unlink_memory(bare(self.name)) end
  return nil, "cannot unlink shared memory: it has no name"
end

SharedMemory.__close = SharedMemory.close

return {new = new}
