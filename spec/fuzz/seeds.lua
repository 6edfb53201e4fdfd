-- Write the inputs that each fuzzer begins with: messages and runs such as they are in real use.
--
--    lua5.4 spec/fuzz/seeds.lua FOLDER
package.path = "./?.lua;" .. package.path
require "parallel"
local core = require "parallel.core"
local values = require "spec.support.values"

local folder = assert(arg[1], "a folder is needed")
local written = {}

local function seed(target, bytes)
  written[target] = (written[target] or 0) + 1
  local file = assert(io.open(("%s/%s/%d"):format(folder, target, written[target]), "wb"))
  file:write(bytes)
  file:close()
end

local function bytes_of_all(first, last)
  local bytes = {}
  for byte = first, last do bytes[#bytes + 1] = string.char(byte) end
  return table.concat(bytes)
end

local function messages()
  local shared, deep = {1, 2, 3, 4}, {}
  shared.self = shared
  for _ = 1, 120 do deep = {deep} end
  local records = {}
  for i = 1, 3 do records[i] = {id = i, name = "name " .. i, score = i / 2} end
  return {
    nil, true, 7, -100000, 0.5, "short", ("long "):rep(20),
    {1, nil, 3}, {1, 2, 300, 70000}, {1.5, 2.5, 3.5, 4.5}, {[1.5] = true, [true] = {}},
    {shared, shared}, records, deep, {1, 2, 3, 4, x = 1},
    n = 15,
  }
end

-- The first byte of a function's code is replaced by one that stands for other code: see driver.h.
local function with_stand_in(message, f, code)
  local from = message:find(string.dump(f), 1, true)
  return message:sub(1, from - 1) .. string.char(code) .. message:sub(from + 1)
end

local function trusted()
  local a, b = {1, "two"}, nil
  local function one() return a end
  local function two() return a, b end
  b = two
  seed("trusted", with_stand_in(core.encode_trusted({one, one}), one, 1))
  seed("trusted", with_stand_in(with_stand_in(core.encode_trusted({one, two}), one, 1), two, 2))
  for _, name in ipairs({"plain", "loaded", "picky"}) do
    local metatable = {}
    core.register_type(name, metatable, name ~= "plain" and {load = function() end} or nil)
    seed("trusted", core.encode({setmetatable({field = {1}}, metatable)}))
  end
  local message = core.encode_trusted(math.max)
  seed("trusted", (message:gsub("math%z", "safe\0")))
  -- A call of it, with two integers.
  seed("trusted", "\1\27\3\19\72safe\0max\135\140\0\0")
end

local function runs()
  local batch = {{"a", 1}, {"b", 2}, {"a", 3}, {{1, "c"}, 4}, {5, 5}}
  local ways = {"sum", "count", "min", "max", "mean", "first", "last", "list", "set", "values"}
  for i, combine in ipairs(ways) do
    local file = core.scratch()
    local emit = core.emitter({combine = combine, partitions = 2, depot = core.depot({memory = file:fd()})})
    for _, pair in ipairs(batch) do emit(pair[1], pair[2]) end
    local descriptor = emit:commit()[1]:sub(2) -- less the descriptor, below 128
    local handle = io.open("/proc/self/fd/" .. file:fd(), "rb")
    seed("reduce", string.char(i * 25, i - 1, i % 2, #descriptor) .. descriptor .. handle:read("*a"))
    handle:close()
    file:close()
  end
end

for _, target in ipairs({"decode", "trusted", "round_trip", "reduce", "frames", "handshake"}) do
  assert(os.execute(("mkdir -p '%s/%s'"):format(folder, target)))
end
for i = 1, messages().n do seed("decode", core.encode(messages()[i])) end
trusted()
runs()
values.register_types(core)
for first = 0, 240, 48 do seed("round_trip", bytes_of_all(first, 255)) end
seed("round_trip", bytes_of_all(10, 60):rep(4))
seed("frames", "\80\0\1abcdefghij\88\0\2klmnopqrstuv\61\14\46\253")
seed("frames", "\9\0\1\6\80\0\2\13\26\0\1\0\0\0\0\0\0\0\99\5")
seed("frames", "\80\0\1\253\27\0\1\77\253")
seed("frames", "\80\0\1\253\124some noise that is no frame at all\253")
-- The whole of it, in one piece and in many; with bits changed, and made up.
seed("handshake", "\1\1\2\3\2\3")
seed("handshake", "\1\1" .. ("\80\81"):rep(20))
seed("handshake", "\0\0\2\3")
seed("handshake", "\1\2\2\3\2\3")
seed("handshake", "\1\1\2\3\252\1\3")
seed("handshake", "\1\1\70PLUA\1\1\17\0\246some noise that is long enough\2\3")
