--- server: the worker side of a Pool: runs chunks, and is told of functions.
--
-- A chunk is one function and a list of items, the arguments of one run each.
local core = require("parallel.core")
local directed = require("parallel.pool.directed")
local functions = require("parallel.pool.functions")
local globals = require("parallel.pool.globals")
local identity = require("parallel.process.identity")
local log = require("parallel.base.log")
local seeding = require("parallel.base.seeding")
local timeline = require("parallel.monitor.timeline")

local unpack = require("parallel.base.packing").unpack

local Server = {}
Server.__index = Server

-- A function of one slice of items, for the shape that is only known here.
local function folding(f)
  return function(slice)
    local folded = slice[1]
    for i = 2, slice.n do folded = f(folded, slice[i]) end
    return folded
  end
end

--- Run a chunk; what becomes of each item goes to the worker's ledger. Items that
-- this worker may not run any more are left to another. Large ones come as the bulk.
function Server:run(worker, parcel, bulk, number, shape, items, first)
  local f = self.functions:get(number)
  if shape == "fold" then f, shape = folding(f), "one" end
  local ran, exceeded = core.run_items(
    worker, f, shape, items or bulk, first, self.budget, self.reseed, parcel)
  if self.budget then self.budget = self.budget - ran end
  if not exceeded and self.budget ~= 0 then return end
  log.info("leaves, and another is started: %s", exceeded and "it used more memory than it may"
    or "it has run as many tasks as it may")
  worker:retire()
end

--- The same, if this is still that process (false: whichever it is).
function Server:run_in(worker, parcel, bulk, pid, ...)
  if pid and pid ~= core.pid() then error(directed.REPLACED, 0) end
  self:run(worker, parcel, bulk, ...)
end

function Server:push(_, parcel, _, bytes) globals.set(bytes, parcel) end

function Server:define(_, parcel, _, number, bytes) self.functions:defined(number, bytes, parcel) end

function Server:forget(_, _, _, number) self.functions:forgotten(number) end

-- That there is an answer says that the initializer has run.
function Server:greet() end

function Server:finish()
  local finalizer = self.finalizer
  self.finalizer = nil -- once, however the worker comes to leave
  if finalizer then finalizer() end
  log.debug("ends")
end

local function dispatch(self, worker, parcel, bulk, kind, ...)
  return self[kind](self, worker, parcel, bulk, ...)
end

local function warn(done, why)
  if not done then log.warn("%s", why) end
end

local function prepare_process(worker, options)
  local name = ("%s worker %d"):format(options.name or "pool", worker:index())
  core.title(name)
  log.name_process(name)
  log.info("starts")
  identity.become(options.descent, name, true,
    {id = worker:index(), workers = options.workers, seed = options.seed})
  if options.nice then warn(core.nice(options.nice)) end
  if options.pin then warn(core.pin(worker:index())) end
end

local server = {}

--- The functions `begin`, `handle` and `finish` of core.pool.
-- `known` and `pushed` are inherited with whatever was defined and pushed before the fork; `here`
-- says that there is none.
function server.service(known, pushed, options, here)
  local self = setmetatable({functions = known, finalizer = options.finalizer,
                             reseed = seeding.of(options.seed), budget = options.tasks_per_worker}, Server)
  local arguments = options.initargs or {}

  local function begin(worker)
    if not here then prepare_process(worker, options) end
    if options.initializer then options.initializer(unpack(arguments, 1, arguments.n)) end
    pushed:apply()
  end

  local function handle(worker, task, parcel, bulk)
    dispatch(self, worker, parcel, bulk, core.decode_trusted(task, parcel))
    return ""
  end

  return begin, handle, function() self:finish() end
end

--- In a worker that inherited nothing: the same functions, from the pool's letter.
-- `versions` are the functions that the workers know, by their numbers; `pushes` as of globals.all.
function server.recruited(options, workers, versions, pushes)
  options.workers = workers
  local known = functions.new()
  for number, version in pairs(versions) do known:defined(number, version.bytes, version.parcel) end
  local begin, handle, finish = server.service(known, globals.new(pushes), options)
  return {begin = begin, handle = handle, finish = finish, memory = options.memory_per_worker,
          output = options.output, name = options.name, times = timeline.wanted(options)}
end

return server
