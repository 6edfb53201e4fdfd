--- inline: core.pool's interface without processes: tasks run here, when asked for.
-- For `workers = 0`: the same results and errors, under a debugger or a profiler.
local core = require("parallel.core")
local failure = require("parallel.base.failure")

local inline = {}

local Inline = {}
Inline.__index = Inline

function Inline:submit(payload, _, limit, parcel, _, bulk)
  self.last = self.last + 1
  table.insert(self.queue,
    {number = self.last, payload = payload, limit = limit, parcel = parcel, bulk = bulk})
  return self.last
end

function Inline:wait()
  local task = table.remove(self.queue, 1)
  if not task then return nil, "timeout" end
  local worker = core.inline_self(task.limit, self.times) -- one each: a task may itself use this pool
  local ok, reply = inline.interpreted(task.limit, worker.run, worker, self.handle,
    task.payload, task.parcel, task.bulk)
  self.done = self.done + 1
  if ok then return "result", task.number, 1, worker:taken() end
  return "error", task.number, 1, {message = tostring(reply), traceback = "", item = 0}
end

--- What is queued can still be withdrawn; what runs cannot be interrupted: it runs here.
function Inline:cancel(number)
  for i, task in ipairs(self.queue) do
    if task.number == number then
      table.remove(self.queue, i)
      return "withdrawn", 1
    end
  end
end

function Inline:workers() return {} end

function Inline:stats()
  return {workers = 0, busy = 0, queued = #self.queue, done = self.done, deaths = 0,
          bytes_sent = 0, bytes_received = 0, progress = 0}
end

function Inline:descriptor() return nil end

-- What was submitted waits only for somebody to call.
function Inline:timeout() return self.queue[1] and 0 or nil end

function Inline:drain() end

function Inline:close() self.queue = {} end

local compiler = rawget(_G, "jit")

local function switch_on(...)
  compiler.on()
  return ...
end

--- f(...), in which limits count (nil: none does). No hook reaches what LuaJIT compiled, so all is
-- interpreted meanwhile.
function inline.interpreted(limit, f, ...)
  if not limit or not compiler or not compiler.status() then return f(...) end
  compiler.off()
  compiler.flush()
  return switch_on(f(...))
end

local function explain(why)
  return {message = tostring(why), value = why, traceback = debug.traceback("", 2)}
end

function inline.open(options)
  local ok, detail = xpcall(options.begin, explain, core.inline_self())
  if not ok then error(failure.no_workers(detail), 0) end
  return setmetatable(
    {handle = options.handle, times = options.times, queue = {}, last = 0, done = 0}, Inline)
end

return inline
