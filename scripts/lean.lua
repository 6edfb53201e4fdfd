--- lean: a compiled Lua 5.4 chunk without the names that only a debugger asks for.
--
-- Local variables and upvalues are named in every function, and to load these
-- names takes a third of the time that a program with many modules needs to
-- start. Sources and lines are kept, for tracebacks, and so is the name of
-- _ENV, by which functions are told from others that share a global table.
--
-- The format is that of ldump.c in Lua 5.4: counts are in groups of seven bits,
-- the last with its top bit set; a string follows its length plus one.

local HEADER = "\27Lua\x54\0\x19\x93\r\n\x1a\n"
local AFTER_HEADER = #HEADER + 3 + 8 + 8 + 1 -- sizes of three types, two numbers, count of upvalues
local FLOAT, INTEGER, SHORT, LONG = 0x13, 0x03, 0x04, 0x14 -- constants that more than a tag tells

-- What was read of `bytes` up to `at`, and what was written of it.
local Copy = {}
Copy.__index = Copy

function Copy:keep(size)
  self.out[#self.out + 1] = self.bytes:sub(self.at, self.at + size - 1)
  self.at = self.at + size
end

-- Reads a count, and writes it if it is to be kept.
function Copy:count(kept)
  local start, n = self.at, 0
  repeat
    local byte = self.bytes:byte(self.at)
    n = n * 128 + byte % 128
    self.at = self.at + 1
  until byte >= 128
  if kept then self.out[#self.out + 1] = self.bytes:sub(start, self.at - 1) end
  return n
end

function Copy:string()
  local size = self:count(true)
  if size > 0 then self:keep(size - 1) end
end

function Copy:drop_string()
  local size = self:count(false)
  local text = self.bytes:sub(self.at, self.at + size - 2)
  self.at = self.at + math.max(size - 1, 0)
  return text
end

function Copy:write(bytes) self.out[#self.out + 1] = bytes end

function Copy:constants()
  for _ = 1, self:count(true) do
    local tag = self.bytes:byte(self.at)
    self:keep(1)
    if tag == FLOAT or tag == INTEGER then self:keep(8) end
    if tag == SHORT or tag == LONG then self:string() end
  end
end

function Copy:lines()
  self:keep(self:count(true))
  for _ = 1, self:count(true) do
    self:count(true)
    self:count(true)
  end
end

function Copy:local_names()
  for _ = 1, self:count(false) do
    self:drop_string()
    self:count(false)
    self:count(false)
  end
  self:write("\x80") -- none
end

function Copy:upvalue_names()
  for _ = 1, self:count(true) do
    self:write(self:drop_string() == "_ENV" and "\x85_ENV" or "\x80")
  end
end

function Copy:the_function()
  self:string() -- its source
  self:count(true)
  self:count(true)
  self:keep(3)
  self:keep(4 * self:count(true)) -- its code
  self:constants()
  self:keep(3 * self:count(true)) -- where its upvalues are
  for _ = 1, self:count(true) do self:the_function() end
  self:lines()
  self:local_names()
  self:upvalue_names()
end

--- The chunk that string.dump made, without those names; as it was if it is not of Lua 5.4.
return function(chunk)
  if chunk:sub(1, #HEADER) ~= HEADER then return chunk end
  local copy = setmetatable({bytes = chunk, at = 1, out = {}}, Copy)
  copy:keep(AFTER_HEADER)
  copy:the_function()
  assert(copy.at == #chunk + 1, "a compiled chunk is not as Lua 5.4 writes it")
  return table.concat(copy.out)
end
