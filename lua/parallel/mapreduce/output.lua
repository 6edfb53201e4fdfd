--- output: where the pairs of a job go: a Result, text in files, or a function.
--
--    output:take(file, offset, length, count)   of a map-only job: pairs that stand in this
--                                               file, in the order in which they shall come
--    output:give(result)                        of any other: all pairs, in a Result
--    output:finish()                            all is there: returns the job's Result
--    output:abandon()
local core = require("parallel.core")
local destination = require("parallel.mapreduce.destination")
local result = require("parallel.mapreduce.result")
local scratch = require("parallel.mapreduce.scratch")

local LARGEST_PART = 64 * 1024 * 1024 -- of a map-only job, roughly

-- ---- text -----------------------------------------------------------------

local HEADS, TAILS = {lua = "return {\n"}, {lua = "}\n"}

local Text = {}
Text.__index = Text

local function fail(why) error("cannot write the output: " .. why, 0) end

local function end_part(self)
  if self.fd and TAILS[self.format] then destination.write(self.fd, TAILS[self.format]) end
  self.fd = nil
end

local function next_part(self)
  end_part(self)
  self.fd, self.written = self.to:part(), 0
  if HEADS[self.format] then destination.write(self.fd, HEADS[self.format]) end
end

function Text:take(file, offset, length, count)
  if not self.fd or (self.to.is_folder and self.written >= LARGEST_PART) then next_part(self) end
  local ok, why = file:copy(offset, length, self.fd)
  if not ok then fail(why) end
  self.written, self.count = self.written + length, self.count + count
end

local function write_part(self, made, most)
  next_part(self)
  local ok, why = made:write(self.fd, most)
  if not ok then fail(why) end
end

-- The parts of a folder, one behind the other, are what a file would have been.
function Text:give(made)
  local count, parts = made:count(), self.to.is_folder and self.partitions or 1
  for part = 1, parts do
    write_part(self, made, math.floor(count * part / parts) - math.floor(count * (part - 1) / parts))
  end
  self.count = count
  made:close()
end

function Text:finish()
  if not self.fd then next_part(self) end
  end_part(self)
  self.to:keep()
  return result.written(self.count)
end

function Text:abandon() self.to:close() end

-- ---- a function -----------------------------------------------------------

local Called = {}
Called.__index = Called

local function call_with(self, pairs_of)
  for key, value in function() return pairs_of:next() end do self.receive(key, value) end
end

function Called:take(file, offset, length, count)
  local pairs_of = core.result({core.region(file:fd(), offset, length, count)})
  call_with(self, pairs_of)
  pairs_of:close()
  self.count = self.count + count
end

function Called:give(made)
  for key, value in made:pairs() do self.receive(key, value) end
  self.made = made
end

function Called:finish() return self.made or result.written(self.count) end

function Called.abandon() end

-- ---- a Result -------------------------------------------------------------

local Kept = {}
Kept.__index = Kept

local function keep(self, file, offset, length)
  local ok, why = file:copy(offset, length, self.file:fd())
  if not ok then error("cannot keep results: " .. why, 0) end
end

-- What grows too large for memory moves to disk.
local function make_room(self, length)
  local memory = self.file
  if not memory or self.is_on_disk or memory:size() + length <= self.budget.total / 2 then return end
  self.file, self.is_on_disk = scratch(self.job.tmpdir or os.getenv("TMPDIR") or "/tmp"), true
  keep(self, memory, 0, memory:size())
  memory:close()
end

function Kept:take(file, offset, length, count)
  self.file = self.file or scratch()
  make_room(self, length)
  keep(self, file, offset, length)
  self.count = self.count + count
end

function Kept:give(made) self.made = made end

function Kept:finish()
  if self.made then return self.made end
  local file = self.file
  local described = file and {core.region(file:fd(), 0, file:size(), self.count)} or {}
  return result.new(self.job, described, file or {close = function() end}, self.budget)
end

function Kept:abandon()
  if self.file then self.file:close() end
end

local output = {}

--- The output that the job asks for; files are opened at once. The budget is that of parallel.budget.
function output.open(job, budget)
  local where = job.output
  if where == nil then return setmetatable({job = job, budget = budget, count = 0}, Kept) end
  if type(where) == "function" then return setmetatable({receive = where, count = 0}, Called) end
  return setmetatable({to = destination.open(where), format = job.format, partitions = job.partitions,
                       count = 0}, Text)
end

return output
