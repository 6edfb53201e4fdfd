-- model: map-reduce as it should come out, in plain serial Lua.
local model = {}

--- Seeded text: `lines` lines of up to 12 words out of `vocabulary` words, frequent ones and rare ones.
-- A generator of its own, so that both Luas make the same text.
function model.text(seed, lines, vocabulary)
  local state = seed
  local function random(n)
    state = (state * 16807) % 2147483647
    return state % n + 1
  end
  local list = {}
  for i = 1, lines do
    local words = {}
    for j = 1, random(13) - 1 do
      local n = random(random(vocabulary)) -- small numbers more often
      words[j] = (n % 7 == 0 and "Wo" or "wo") .. ("abcdefghij"):sub(n % 10 + 1, n % 10 + 1):rep(n % 4 + 1)
        .. ("xyz"):sub(n % 3 + 1, n % 3 + 1):rep(math.floor(n / 40) % 9)
    end
    list[i] = table.concat(words, " ")
  end
  return table.concat(list, "\n") .. "\n"
end

--- How often each word (letters only, folded) stands in the text.
function model.word_count(text)
  local counts = {}
  for word in text:lower():gmatch("%a+") do counts[word] = (counts[word] or 0) + 1 end
  return counts
end

--- The pairs that map emits for these values: a list of {key, value}, in order.
function model.emit(map, values)
  local list = {}
  for index, value in ipairs(values) do
    map(value, function(key, v)
      if v == nil then v = 1 end
      list[#list + 1] = {key, v}
    end, {index = index})
  end
  return list
end

--- The values of each key, in order.
function model.group(list)
  local groups = {}
  for _, pair in ipairs(list) do
    groups[pair[1]] = groups[pair[1]] or {}
    table.insert(groups[pair[1]], pair[2])
  end
  return groups
end

local function fold(f)
  return function(values)
    local made = values[1]
    for i = 2, #values do made = f(made, values[i]) end
    return made
  end
end

model.combine = {
  sum = fold(function(a, b) return a + b end),
  min = fold(math.min),
  max = fold(math.max),
  count = function(values) return #values end,
  first = function(values) return values[1] end,
  last = function(values) return values[#values] end,
  list = function(values) return values end,
}

function model.combine.mean(values) return model.combine.sum(values) / #values end

function model.combine.set(values)
  local seen, list = {}, {}
  for _, value in ipairs(values) do
    if not seen[value] then list[#list + 1] = value end
    seen[value] = true
  end
  table.sort(list)
  return list
end

return model
