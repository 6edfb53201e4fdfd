--- result: what a map-reduce job came to: pairs of key and value, in the job's order.
-- They stay as bytes in memory files and are decoded as they are asked for.
local check = require("parallel.base.check")
local core = require("parallel.core")

local SOME = 1000    -- pairs that Result:top sorts at once, besides those it was asked for
local DECODED = 8    -- times the stored bytes that values take up in Lua, more or less

local Result = {}
Result.__index = Result

local STATS = {"splits", "bytes", "pairs", "seconds", "workers", "deaths", "retried"}
local RARE = {"resumed", "skipped", "failed"} -- told when there are any

--- The lines that --stats prints: a name, a tab and a number each; stats, then counters by name.
function Result:report()
  local lines, names = {}, {}
  for i, name in ipairs(STATS) do
    lines[i] = (name == "seconds" and "%s\t%.3f" or "%s\t%d"):format(name, self.stats[name])
  end
  for _, name in ipairs(RARE) do
    if self.stats[name] > 0 then lines[#lines + 1] = ("%s\t%d"):format(name, self.stats[name]) end
  end
  for name in pairs(self.counters) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    lines[#lines + 1] = ("%s\t%s"):format(name, tostring(self.counters[name]))
  end
  return lines
end

local function check_open(self)
  if not self.pairs_of then error("attempt to use a closed result", 3) end
  return self.pairs_of
end

--- Iterate over key, value in the order of the job's `sort`. Several loops may go on at a time.
function Result:pairs()
  local pairs_of = check_open(self):copy()
  return function()
    check_open(self) -- a result that only a loop knows must not lose its files either
    return pairs_of:next()
  end
end

--- How many pairs there are.
function Result:count() return check_open(self):count() end

--- A table from key to value; of several pairs with one key the last counts.
-- A list as key stands there as a new table each time.
function Result:to_table()
  check_open(self)
  local made = {}
  for key, value in self:pairs() do made[key] = value end
  return made
end

local function index_key(key) return type(key) == "table" and core.encode(key) or key end

local function index_of(self)
  local index = {}
  for key, value in self:pairs() do
    key = index_key(key)
    if index[key] == nil then index[key] = value end
  end
  return index
end

--- The value of one key (the first, when reduce emitted several), or nil.
-- Of a result that fits in memory an index is made by the first call; one that does not is
-- searched each time.
function Result:get(key)
  local pairs_of = check_open(self)
  key = index_key(key)
  if not self.index and pairs_of:bytes() > self.most_indexed then
    for found, value in self:pairs() do
      if index_key(found) == key then return value end
    end
    return nil
  end
  self.index = self.index or index_of(self)
  return self.index[key]
end

-- As with sort = "value": of two types the later one here is greater.
local TYPES = {boolean = 1, number = 2, string = 3}

local function is_greater(a, b)
  local type_a, type_b = type(a), type(b)
  if type_a ~= type_b then return (TYPES[type_a] or 4) > (TYPES[type_b] or 4) end
  if type_a == "boolean" then return a and not b end
  return a > b
end

local function stands_before(a, b)
  if is_greater(a[2], b[2]) then return true end
  return a[2] == b[2] and a.place < b.place
end

local function keep_greatest(list, n)
  table.sort(list, stands_before)
  for i = #list, n + 1, -1 do list[i] = nil end
end

-- Of those that are not sorted so, no more than some besides the greatest are kept.
local function greatest(self, n)
  local list, place = {}, 0
  for key, value in self:pairs() do
    place = place + 1
    list[#list + 1] = {key, value, place = place}
    if #list >= 2 * n + SOME then keep_greatest(list, n) end
  end
  keep_greatest(list, n)
  for _, pair in ipairs(list) do pair.place = nil end
  return list
end

local function first(self, n)
  local list = {}
  if n <= 0 then return list end
  for key, value in self:pairs() do
    list[#list + 1] = {key, value}
    if #list >= n then break end
  end
  return list
end

--- The n pairs with the greatest values, as a list of {key, value}.
function Result:top(n)
  check_open(self)
  check.type(n, "number", 1, "top")
  return (self.job.sort_by == "value" and self.job.descending and first or greatest)(self, n)
end

--- Write the next pairs as text, in the job's `format`, all or at most so many.
-- True, or nil, message, errno.
function Result:write(fd, most) return check_open(self):write(fd, most) end

--- Give up the memory; twice is harmless.
-- One that is collected gives it up too: the files are objects of their own.
function Result:close()
  if not self.pairs_of then return end
  self.pairs_of:close()
  self.pairs_of = nil
  self.files:close()
end

Result.__len = Result.count
Result.__close = Result.close

-- Of a job whose pairs went elsewhere: only their number is left.
local Written = {__index = {}}

local function gone() error("the pairs of this job went to its output", 2) end

for name in pairs(Result) do
  if not name:find("^__") then Written.__index[name] = gone end
end

Written.__index.report = Result.report
function Written.__index:count() return self.pair_count end
function Written.__index.close() end
Written.__len, Written.__close = Written.__index.count, Written.__index.close

local result = {}

--- The result of a job whose pairs, so many, went to its output.
function result.written(count) return setmetatable({pair_count = count}, Written) end

--- The result of a job: what its reduce tasks left (`outputs`) in these files (anything with a
-- method close), which from now on belong to it. `budget` is that of parallel.budget. When the files are
-- parallel.depots, what cannot be merged in its memory is merged there first.
function result.new(job, outputs, files, budget)
  local order = {sort = job.sort_by, desc = job.descending, top = job.top}
  if files.last then order.depot, order.memory = files:last(), math.floor(budget.total / 2) end
  return setmetatable({job = job, files = files, pairs_of = core.result(outputs, order),
                       most_indexed = budget.total / DECODED}, Result)
end

return result
