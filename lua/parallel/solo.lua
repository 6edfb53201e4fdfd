--- solo: core.pool's interface for a map-reduce job, without processes.
-- Everything runs here, when it is asked for: under a debugger or a profiler.
local core = require("parallel.core")
local inline = require("parallel.inline")

local Solo = {}
Solo.__index = Solo

-- What the mapper wants of its worker.
local Worker = {}
Worker.__index = Worker
function Worker.index() return 1 end
function Worker:item(number) self.watch:item(number) end
function Worker:progress() return self.inline:progress() end

function Solo:renew()
  self.worker = setmetatable({inline = core.inline_self()}, Worker)
  self.begin(self.worker)
end

function Solo:submit(payload, _, limit)
  self.last = self.last + 1
  table.insert(self.queue, {number = self.last, payload = payload, limit = limit})
  return self.last
end

local function account(problem)
  return {message = tostring(problem), traceback = debug.traceback("", 2)}
end

-- The task's items are held to its limit.
local function run(self, task)
  local worker = self.worker
  worker.watch = core.inline_self(task.limit)
  return select(2, inline.interpreted(task.limit, worker.watch.run, worker.watch, function()
    return xpcall(self.handle, account, worker, task.payload)
  end))
end

function Solo:wait()
  if self.killed then
    self.killed = false
    self:renew()
    return "death", nil, 1, {pid = core.pid(), item = 0}
  end
  local task = table.remove(self.queue, 1)
  if not task then return nil, "timeout" end
  local ok, reply = run(self, task)
  if ok then return "result", task.number, 1, reply end
  if type(reply) ~= "table" then reply = account(reply) end -- Lua calls no handler when it has no memory
  reply.item, reply.pid = self.worker.watch:running(), core.pid()
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
