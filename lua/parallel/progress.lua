--- progress: how far a job is, shown on stderr or told to a function.
--
--    [==============>               ]  47%  94.1 MB  301 MB/s  0:01 left  2/2 busy
--
-- On a terminal the line is drawn anew ten times a second; elsewhere a line a
-- minute is written. When the job is done its size, time and rate remain.
local core = require("parallel.core")

local DRAW_EVERY, WRITE_EVERY = 0.1, 60 -- seconds
local BAR = 30                          -- columns

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

local function bar_text(share)
  local filled = math.floor(share * BAR)
  local head = filled < BAR and ">" or ""
  return "[" .. ("="):rep(filled) .. head .. (" "):rep(BAR - filled - #head) .. "]"
end

function Meter:line(done, pool)
  local elapsed = core.clock() - self.began
  local share = self.total > 0 and done / self.total or 1
  local rate = done / math.max(elapsed, 1e-9)
  local left = done > 0 and time_text((self.total - done) / rate) or "-:--"
  local stats = pool:stats()
  return ("%s %3d%%  %s  %s/s  %s left  %d/%d busy"):format(
    bar_text(share), math.floor(share * 100), self:amount(done), self:amount(rate), left,
    stats.busy, stats.workers)
end

local function erase() io.stderr:write("\r\27[K") end

-- Cut to the terminal, since a wrapped line could not be drawn over.
function Meter:draw(text)
  local width = core.terminal_width(2) or 80
  io.stderr:write("\r", text:sub(1, width - 1), "\27[K")
  self.drawn = true
end

--- So much is done; shows it when it is time to.
function Meter:update(done, pool)
  if self.tell then return self.tell(done, self.total) end
  local now = core.clock()
  if not self.on or now < self.next then return end
  self.next = now + (self.terminal and DRAW_EVERY or WRITE_EVERY)
  if self.terminal then self:draw(self:line(done, pool))
  else io.stderr:write(self:line(done, pool), "\n") end
end

--- All is done: what it came to remains on the screen.
function Meter:finish(done)
  if self.tell then return self.tell(done, self.total) end
  if not self.on then return end
  local elapsed = core.clock() - self.began
  if self.drawn then erase() end
  io.stderr:write(("%s in %.2f s (%s/s)\n"):format(
    self:amount(done), elapsed, self:amount(done / math.max(elapsed, 1e-9))))
end

--- It failed: nothing half-drawn stays before the message.
function Meter:abandon()
  if self.drawn then erase() end
end

local progress = {}

--- A meter for a job of this size. `how` is true, a function(done, total), or
-- nothing to show nothing.
function progress.new(how, total, in_bytes)
  local terminal = core.is_terminal(2)
  local began = core.clock()
  return setmetatable({
    tell = type(how) == "function" and how or nil, on = how == true, total = total,
    in_bytes = in_bytes, terminal = terminal, began = began,
    next = began + (terminal and 0 or WRITE_EVERY),
  }, Meter)
end

return progress
