--- progress: how far a job is, shown on stderr or told to a function.
--
--    [==============>               ]  47%  94.1 MB  301 MB/s  0:01 left  2/2 busy  1 failed
--
-- On a terminal the line is drawn anew ten times a second, as wide as there is
-- room; elsewhere a line a minute is written. When the job is done its size, time
-- and rate remain. Without a total there is no bar.
local core = require("parallel.core")

local DRAW_EVERY, WRITE_EVERY = 0.1, 60 -- seconds
local LEAST_BAR, BAR = 8, 30            -- columns

local Meter = {}
Meter.__index = Meter

local UNITS = {{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}}

local function bytes_text(n)
  for _, unit in ipairs(UNITS) do
    if n >= unit[1] then return ("%.3g %s"):format(n / unit[1], unit[2]) end
  end
  return ("%.0f B"):format(n)
end

local function time_text(seconds)
  local whole = math.floor(seconds + 0.5)
  return ("%d:%02d"):format(math.floor(whole / 60), whole % 60)
end

function Meter:amount(n)
  return self.in_bytes and bytes_text(n) or ("%.0f items"):format(n)
end

function Meter:rate(n)
  return self.in_bytes and bytes_text(n) .. "/s" or ("%.3g/s"):format(n)
end

local function bar_text(share, columns)
  if columns < LEAST_BAR then return "" end
  local inside = columns - 4 -- the brackets, and blanks behind
  local filled = math.floor(share * inside)
  local head = filled < inside and ">" or ""
  return "[" .. ("="):rep(filled) .. head .. (" "):rep(inside - filled - #head) .. "]  "
end

-- The share that is done, and for how long it will go on; "" without a total.
function Meter:outlook(done, rate)
  if not self.total then return nil, "", "" end
  local share = self.total > 0 and math.min(1, done / self.total) or 1
  local left = done > 0 and time_text((self.total - done) / rate) or "-:--"
  return share, ("%3d%%  "):format(math.floor(share * 100)), ("  %s left"):format(left)
end

-- The line, in so many columns.
function Meter:line(done, pool, failed, width)
  local elapsed = core.clock() - self.began
  local rate = done / math.max(elapsed, 1e-9)
  local share, percent, left = self:outlook(done, rate)
  local stats = pool:stats()
  local problems = (failed or 0) > 0 and ("  %d failed"):format(failed) or ""
  local text = ("%s%s  %s%s  %d/%d busy%s"):format(
    percent, self:amount(done), self:rate(rate), left, stats.busy, stats.workers, problems)
  return (share and bar_text(share, math.min(BAR + 4, width - #text)) or "") .. text
end

local function erase() io.stderr:write("\r\27[K") end

-- Cut to the terminal, since a wrapped line could not be drawn over.
function Meter:draw(done, pool, failed)
  local width = (core.terminal_width(2) or 80) - 1
  io.stderr:write("\r" .. self:line(done, pool, failed, width):sub(1, width) .. "\27[K")
  self.drawn = true
end

local function tell(self, done)
  if done == self.told then return end
  self.told = done
  self.tell(done, self.total)
end

--- Is it time to show something? Asked often, so that nothing is counted in vain.
function Meter:due()
  return self.tell ~= nil or self.on and core.clock() >= self.next
end

--- Draws nothing before so many seconds from now; nil: it does not draw at all.
function Meter:pause()
  return self.on and math.max(0, self.next - core.clock()) or nil
end

--- So much is done, of which so many items failed (nil: none can); shows it when it
-- is due. pool:stats() says how many workers are busy.
function Meter:update(done, pool, failed)
  if not self:due() then return end
  if self.tell then return tell(self, done) end
  self.next = core.clock() + (self.terminal and DRAW_EVERY or WRITE_EVERY)
  if self.terminal then self:draw(done, pool, failed)
  else io.stderr:write(self:line(done, pool, failed, 80) .. "\n") end
end

--- All is done: what it came to remains on the screen.
function Meter:finish(done)
  if self.tell then return tell(self, done) end
  if not self.on then return end
  local elapsed = core.clock() - self.began
  self:abandon()
  io.stderr:write(("%s in %.2f s (%s)\n"):format(
    self:amount(done), elapsed, self:rate(done / math.max(elapsed, 1e-9))))
end

--- It failed: nothing half-drawn stays before the message.
function Meter:abandon()
  if self.drawn then erase() end
  self.drawn = false
end

local progress = {}

--- A meter for a job of this size (nil: nobody knows). `how` is true, a
-- function(done, total), or nothing to show nothing.
function progress.new(how, total, in_bytes)
  local terminal = core.is_terminal(2)
  local began = core.clock()
  return setmetatable({
    tell = type(how) == "function" and how or nil, on = how == true and core.has_stderr, total = total,
    in_bytes = in_bytes, terminal = terminal, began = began,
    next = began + (terminal and 0 or WRITE_EVERY),
  }, Meter)
end

return progress
