--- grid: all combinations of several lists of values.
local grid = {}

local function sorted_names(lists)
  local names = {}
  for name in pairs(lists) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  return names
end

local function check_lists(lists)
  if type(lists) ~= "table" then
    error(("bad argument #1 to 'grid' (table expected, got %s)"):format(type(lists)), 3)
  end
  for name, list in pairs(lists) do
    if type(list) ~= "table" then
      error(("bad argument #1 to 'grid' (%s must be a list, got %s)"):format(tostring(name), type(list)), 3)
    end
  end
end

local function combination(lists, names, places)
  local made = {}
  for i, name in ipairs(names) do made[name] = lists[name][places[i]] end
  return made
end

-- Moves to the next combination as the digits of a counter do: false after the last one.
local function advance(lists, names, places)
  for i = #names, 1, -1 do
    places[i] = places[i] + 1
    if places[i] <= #lists[names[i]] then return true end
    places[i] = 1
  end
  return false
end

--- Iterate over all combinations: parallel.grid{lr = {0.1, 0.01}, depth = {2, 4}} gives four tables
-- {depth =, lr =}. The names are taken in their order, and the last one varies fastest.
function grid.new(lists)
  check_lists(lists)
  local names, places, more = sorted_names(lists), {}, true
  for i, name in ipairs(names) do
    places[i] = 1
    more = more and #lists[name] > 0
  end
  return function()
    if not more then return nil end
    local made = combination(lists, names, places)
    more = advance(lists, names, places)
    return made
  end
end

return grid
