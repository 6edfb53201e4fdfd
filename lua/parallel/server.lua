--- server: the worker side of a Pool: runs chunks, and is told of functions.
--
-- A chunk is one function and a list of items, the arguments of one run each.
local core = require("parallel.core")

local unpack = require("parallel.packing").unpack

local Server = {}
Server.__index = Server

-- The same numbers for an item whoever runs it, and as parallel.random_stream on Lua 5.4.
local function reseeder(seed)
  if not seed then return nil end
  if not rawget(_G, "jit") then return function(index) math.randomseed(seed, index) end end
  return function(index) math.randomseed(core.random_stream(seed, index)()) end
end

--- Run a chunk; what becomes of each item goes to the worker's ledger. Items that
-- this worker may not run any more are left to another.
function Server:run(worker, parcel, number, shape, items, first)
  local ran, exceeded = core.run_items(
    worker, self.functions:get(number), shape, items, first, self.budget, self.reseed, parcel)
  if self.budget then self.budget = self.budget - ran end
  if exceeded or self.budget == 0 then worker:retire() end
end

function Server:define(_, parcel, number, bytes) self.functions:defined(number, bytes, parcel) end

function Server:forget(_, _, number) self.functions:forgotten(number) end

function Server:finish()
  local finalizer = self.finalizer
  self.finalizer = nil -- once, however the worker comes to leave
  if finalizer then finalizer() end
end

local function dispatch(self, worker, parcel, kind, ...) return self[kind](self, worker, parcel, ...) end

local function warn(done, why)
  if not done then io.stderr:write("parallel-lua: ", why, "\n") end
end

local function prepare_process(worker, options)
  core.title(("%s worker %d"):format(options.name or "pool", worker:index()))
  if options.nice then warn(core.nice(options.nice)) end
  if options.pin then warn(core.pin(worker:index())) end
end

local server = {}

--- The functions `begin`, `handle` and `finish` of core.pool.
-- `functions` is inherited with whatever was defined before the fork; `here` says
-- that there is none.
function server.service(functions, options, here)
  local self = setmetatable({functions = functions, finalizer = options.finalizer,
                             reseed = reseeder(options.seed), budget = options.tasks_per_worker}, Server)
  local arguments = options.initargs or {}

  local function begin(worker)
    if not here then prepare_process(worker, options) end
    if options.initializer then options.initializer(unpack(arguments, 1, arguments.n)) end
  end

  local function handle(worker, task, parcel)
    dispatch(self, worker, parcel, core.decode_trusted(task, parcel))
    return ""
  end

  return begin, handle, function() self:finish() end
end

return server
