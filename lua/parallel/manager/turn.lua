--- turn: a request that may wait in the manager's process without anybody else waiting for it.
--
-- Its method runs in a coroutine; while it waits, in a line (line.lua), others are served.
local core = require("parallel.core")

local Turn = {}
Turn.__index = Turn

--- Wait in a line at most so many seconds: what line:wake gives, or nil when the time ran out.
-- `lost()`, when given, is called if the client dies meanwhile.
function Turn:wait(line, timeout, lost)
  if timeout and timeout <= 0 then return nil end
  self.deadline = timeout and core.clock() + timeout
  self.line, self.lost = line, lost
  line:join(self)
  self.server:put_aside(self)
  return coroutine.yield()
end

--- Go on, with what `wait` is to return.
function Turn:resume(...)
  self.line, self.deadline, self.lost = nil, nil, nil
  local ok, why = coroutine.resume(self.thread, ...)
  if not ok then self.server:report(why) end
end

--- The client is dead: nobody will ever go on.
function Turn:leave()
  local line, lost = self.line, self.lost
  self.line, self.lost = nil, nil
  if line then line:leave(self) end
  if lost then lost() end
end

--- What the client takes it has to give back: object:forget(client) is called when it dies first.
function Turn:holds(object, does) self.client.held[object] = does or nil end

local turn = {}

--- One of this client's, in which f(turn) runs at once, up to where it waits.
function turn.start(server, client, f)
  local self = setmetatable({server = server, client = client, thread = coroutine.create(f)}, Turn)
  self:resume(self)
end

return turn
