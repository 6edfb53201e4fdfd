-- Count words in one plain loop: lua5.4 wordcount.lua FILE

local BLOCK = 256 * 1024 -- fits the cache

local counts = {}
local file = assert(io.open(arg[1], "rb"))
for block, rest_of_line in function() return file:read(BLOCK, "*L") end do
  block = (block .. (rest_of_line or "")):lower()
  for word in block:gmatch("%l+") do counts[word] = (counts[word] or 0) + 1 end
end

local words = {}
for word in pairs(counts) do words[#words + 1] = word end
table.sort(words, function(a, b)
  if counts[a] ~= counts[b] then return counts[a] > counts[b] end
  return a < b
end)
for i = 1, math.min(20, #words) do print(words[i] .. "\t" .. counts[words[i]]) end
