--- order: which items of a dataset are in which batch of an epoch.
--
-- It depends on the seed and the epoch's number only, not on who loads the batches.
local core = require("parallel.core")

local order = {}

local LARGEST_SEED = 2147483647

-- A permutation of 1 to n; each is as likely.
local function shuffled(n, stream)
  local list = {}
  for i = 1, n do
    local j = stream(i)
    list[i] = list[j]
    list[j] = i
  end
  return list
end

local function in_order(first, last)
  local list = {}
  for i = first, last do list[#list + 1] = i end
  return list
end

--- How many batches there are: the last one may be smaller, or is dropped.
function order.count(size, batch, drop_last)
  return drop_last and math.floor(size / batch) or math.ceil(size / batch)
end

--- An iterator of the batches: {number =, seed = for what is drawn while loading it,
-- indices = of its items}. Options: size, batch, drop_last, shuffle, seed.
function order.batches(options, epoch)
  local stream = core.random_stream(options.seed, math.floor(epoch))
  local seed = stream(LARGEST_SEED)
  local list = options.shuffle and shuffled(options.size, stream)
  local number, count = 0, order.count(options.size, options.batch, options.drop_last)
  return function()
    if number == count then return nil end
    local first = number * options.batch + 1
    local last = math.min(first + options.batch - 1, options.size)
    number = number + 1
    local indices = list and core.slice(list, first, last) or in_order(first, last)
    return {number = number, seed = seed, indices = indices}
  end
end

return order
