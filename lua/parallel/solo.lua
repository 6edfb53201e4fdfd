--- solo: core.pool's interface for a map-reduce job, without processes.
-- Everything runs here, when it is asked for: under a debugger or a profiler.
local core = require("parallel.core")

local Solo = {}
Solo.__index = Solo

local LOOK = 10000 -- instructions between looks at the clock
local TOO_LONG = "the task was cancelled or took too long" -- as core/lua/stop.c says it

function Solo:renew()
  self.worker = core.inline_self()
  self.begin(self.worker)
end

function Solo:submit(payload, _, limit)
  self.last = self.last + 1
  table.insert(self.queue, {number = self.last, payload = payload, limit = limit})
  return self.last
end

-- What runs can be stopped by a hook alone, and so not in coroutines, nor when a debugger has one.
local function handle(self, task)
  local worker, limit = self.worker, task.limit
  if not limit or debug.gethook() then return self.handle(worker, task.payload) end
  debug.sethook(function()
    local _, seconds = worker:running()
    if seconds and seconds > limit then error(TOO_LONG, 2) end
  end, "", LOOK)
  return self.handle(worker, task.payload)
end

local function account(problem)
  return {message = tostring(problem), traceback = debug.traceback("", 2)}
end

function Solo:wait()
  if self.killed then
    self.killed = false
    self:renew()
    return "death", nil, 1, {pid = core.pid(), item = 0}
  end
  local task = table.remove(self.queue, 1)
  if not task then return nil, "timeout" end
  local hook = debug.gethook()
  local ok, reply = xpcall(handle, account, self, task)
  if task.limit and not hook then debug.sethook() end
  if ok then return "result", task.number, 1, reply end
  reply.item, reply.pid = self.worker:running(), core.pid()
  return "error", task.number, 1, reply
end

--- Its state counts no more: the next task finds a fresh one.
function Solo:kill() self.killed = true end

function Solo:stats()
  return {workers = 1, busy = 1, queued = #self.queue, done = self.last - #self.queue, deaths = 0,
          bytes_sent = 0, bytes_received = 0, progress = 0}
end

function Solo:workers() return {core.pid()} end

function Solo:descriptor() return nil end

function Solo:drain() end

function Solo:close() self.queue = {} end

local solo = {}

--- Takes `begin` and `handle` as core.pool does.
function solo.open(options)
  local self = setmetatable({begin = options.begin, handle = options.handle, queue = {}, last = 0}, Solo)
  self:renew()
  return self
end

return solo
