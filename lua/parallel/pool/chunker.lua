--- chunker: how many items to send at once, so that nobody has to say.
--
-- Handing over costs some microseconds whatever is handed over, and a processor that a worker
-- could have used, so small items go together: as many as take about a millisecond, by what the
-- last ones took; some milliseconds where nobody sees a result before all have come.
-- Towards the end of an input of known length chunks shrink, so that the
-- workers end together.
local TARGET, LONG_TARGET = 0.001, 0.004 -- seconds a chunk shall take
local GROWTH = 16    -- at most so many times the last size: the first items may mislead
local LARGEST = 32768
local AHEAD = 8      -- chunks for each worker, of which it has some and others wait to be asked for
local LEAST_AHEAD = 256 -- items for each worker: one that takes long shall not make the others wait
local SHARES = 3     -- a chunk takes at most this part of a worker's part of what is left

local Chunker = {}
Chunker.__index = Chunker

--- The size of the next chunk; `remaining` is how many items are left, when that is known.
function Chunker:size(remaining)
  if self.fixed then return self.fixed end
  local size = self.current
  if remaining then size = math.min(size, math.ceil(remaining / (self.workers * SHARES))) end
  return math.max(1, size)
end

--- How many items may be ahead of who asks for their results.
function Chunker:ahead() return math.max(1, self.workers) * math.max(LEAST_AHEAD, AHEAD * self:size()) end

--- A chunk of n items took so many seconds.
function Chunker:learn(n, seconds)
  local each = math.max(seconds / n, 1e-9)
  self.each = self.each and (self.each + each) / 2 or each
  local fitting = math.floor(self.target / self.each)
  self.current = math.max(1, math.min(fitting, self.current * GROWTH, LARGEST))
end

local chunker = {}

--- For so many workers; `fixed` is the user's own chunk size, or nil. `patient`: nobody waits for
-- the result of a single item.
function chunker.new(workers, fixed, patient)
  return setmetatable({workers = workers, fixed = fixed, current = 1,
                       target = patient and LONG_TARGET or TARGET}, Chunker)
end

return chunker
