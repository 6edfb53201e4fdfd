-- Encode and decode values of several kinds, and print the rows of a table.
--
--    lua5.4 codec.lua MODULE LIMIT RUNS
--
-- MODULE is parallel.so, LIMIT the module that limits/codec.c makes, both for
-- this Lua. The peer is what this Lua has: cjson, or LuaJIT's string.buffer.
local module, limit_path, runs = arg[1], arg[2], tonumber(arg[3])

assert(package.loadlib(module, "luaopen_parallel"))()
local core = require("parallel.core")
local limit = assert(package.loadlib(limit_path, "luaopen_codec_limit"))()

local function find_peer()
  local found, buffer = pcall(require, "string.buffer")
  if found then return "string.buffer", buffer.encode, buffer.decode end
  local cjson
  found, cjson = pcall(require, "cjson")
  if not found then return "no peer" end
  cjson.encode_max_depth(2000)
  cjson.decode_max_depth(2000)
  cjson.encode_keep_buffer(true)
  return "lua-cjson " .. cjson._VERSION, cjson.encode, cjson.decode
end

local peer, peer_encode, peer_decode = find_peer()

local function list(size, make)
  local items = {}
  for i = 1, size do items[i] = make(i) end
  return items
end

local function chain(depth)
  local value = { depth }
  for i = 1, depth do value = { i, value } end
  return value
end

local function wide()
  local map = {}
  for i = 1, 100000 do map["key number " .. i] = i end
  return map
end

local KINDS = {
  {
    "1e5 records {id, name, score}",
    list(100000, function(i) return { id = i, name = "user" .. i, score = i * 0.5 } end),
  },
  { "1e5 strings, each another", list(100000, function(i) return "a string with the number " .. i end) },
  {
    "1e5 strings out of 100",
    list(100000, function(i) return "one of a hundred strings, number " .. i % 100 end),
  },
  { "1e5 integers", list(100000, function(i) return i * 37 % 1000003 end) },
  { "1e5 floats", list(100000, function(i) return i / 7 end) },
  { "100 lists, 500 deep", list(100, function() return chain(500) end) },
  { "a map of 1e5 keys", wide() },
}

-- The median time of f(value) in milliseconds, and what it returned last.
local function time(f, value)
  local times = {}
  for i = 0, runs do -- the first is to warm up
    collectgarbage()
    local start = os.clock()
    f(value)
    times[i] = (os.clock() - start) * 1e3
  end
  table.sort(times)
  return times[math.floor((#times + 1) / 2)], f(value)
end

local function milliseconds(value) return value and ("%.1f"):format(value) or "-" end

-- Nothing when the peer refuses such values.
local function time_peer(value)
  if not peer_encode or not pcall(peer_encode, value) then return end
  local encoding, bytes = time(peer_encode, value)
  return encoding, (time(peer_decode, bytes)), #bytes
end

local function row(name, value)
  local walking, count = time(limit.walk, value)
  local copying = time(limit.copy, value)
  local encoding, bytes = time(core.encode, value)
  local decoding = time(core.decode, bytes)
  local peer_encoding, peer_decoding, peer_size = time_peer(value)
  local cells = {
    name, milliseconds(encoding), milliseconds(decoding), ("%.1f"):format(#bytes / count),
    milliseconds(walking), milliseconds(copying - walking),
    milliseconds(peer_encoding), milliseconds(peer_decoding),
    peer_size and ("%.1f"):format(peer_size / count) or "-",
  }
  print("| " .. table.concat(cells, " | ") .. " |")
end

print(("\n**Codec**, %s: milliseconds; the limits are a walk over the value and its making, in C."):format(
  type(jit) == "table" and jit.version or _VERSION))
print("\n| values | encode | decode | bytes a value | walk | make | " .. peer
  .. ": encode | decode | bytes a value |")
print("| --- |" .. (" ---: |"):rep(8))
for _, kind in ipairs(KINDS) do row(kind[1], kind[2]) end
