--- server: the worker side of a Pool: runs chunks, and is told of functions.
--
-- A chunk is one function and a list of items, the arguments of one run each.
local core = require("parallel.core")

local unpack = table.unpack or unpack

local Server = {}
Server.__index = Server

--- Run a chunk; what becomes of each item goes to the worker's ledger.
function Server:run(worker, number, shape, items)
  core.run_items(worker, self.functions:get(number), shape, items)
end

function Server:define(_, number, bytes) self.functions:defined(number, bytes) end

function Server:forget(_, number) self.functions:forgotten(number) end

function Server:finish()
  if self.finalizer then self.finalizer() end
end

local function dispatch(self, worker, kind, ...) return self[kind](self, worker, ...) end

local server = {}

--- The functions `begin` and `handle` of core.pool.
-- `functions` is inherited with whatever was defined before the fork.
function server.service(functions, options)
  local self = setmetatable({functions = functions, finalizer = options.finalizer}, Server)
  local arguments = options.initargs or {}

  local function begin()
    if options.initializer then options.initializer(unpack(arguments, 1, arguments.n)) end
  end

  local function handle(worker, task)
    dispatch(self, worker, core.decode_trusted(task))
    return ""
  end

  return begin, handle
end

return server
