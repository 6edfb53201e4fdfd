--- loader: batches of a dataset's items, loaded ahead by worker processes.
--
--    local loader = parallel.Loader{dataset = read_image, size = 50000, batch = 32, shuffle = true, seed = 1}
--    for epoch = 1, 10 do
--      for batch_index, batch in loader:epoch() do train(batch) end
--    end
--    loader:close()
--
-- The workers are a Pool's, and each batch is a task of its own. A batch that is an Array is
-- not copied: the worker fills it and sends where it is.
local check = require("parallel.base.check")
local closing = require("parallel.base.closing")
local core = require("parallel.core")
local failure = require("parallel.base.failure")
local loading = require("parallel.loader.loading")
local order = require("parallel.loader.order")
local pool = require("parallel.pool")

local Loader = {}
Loader.__index = Loader

-- ---- workers --------------------------------------------------------------

-- Sent as they are here to workers that inherit nothing: the state is that of their own modules.
local function begin(...) require("parallel.loader.loading").begin(...) end
local function load_batch(...) return require("parallel.loader.loading").load(...) end

local OF_POOL = {"timeout", "retries", "start_method"}

local function pool_options(self)
  local options = {
    name = "loader", workers = self.workers, seed = self.repeatable and self.seed or nil,
    initializer = begin,
    initargs = {self.key, {dataset = self.dataset, collate = self.collate, ctype = self.ctype,
                           worker_init = self.worker_init}},
  }
  for _, name in ipairs(OF_POOL) do options[name] = self[name] end
  return options
end

local function workers_of(self)
  self.pool = self.pool or pool.new(pool_options(self))
  return self.pool
end

-- Batches that nobody will ask for may be under way: they are not waited for.
local function dismiss_workers(self)
  local workers = self.pool
  self.pool = nil
  if not workers then return end
  if workers.crew:busy() then workers:terminate() else workers:close() end
  loading.finish(self.key)
end

-- ---- epochs ---------------------------------------------------------------

-- The epoch under way ends here, wherever it is.
local function leave_epoch(self)
  local iteration = self.iteration
  self.iteration = nil
  if iteration then iteration:close() end
  if not self.persistent then dismiss_workers(self) end
end

-- What the pool hands out.
local function orders(self, epoch)
  local next_batch = order.batches(self, epoch)
  return function()
    local batch = next_batch()
    if not batch then return nil end
    batch.key, batch.seed = self.key, self.repeatable and batch.seed or nil
    return batch
  end
end

local function begin_epoch(self, epoch)
  local workers = workers_of(self)
  local step, _, _, iteration = workers:imap(load_batch, orders(self, epoch), {
    chunksize = 1, window = math.max(1, self.workers) * self.prefetch, on_error = "collect",
  })
  self.iteration = iteration
  return step, iteration
end

local EACH_NUMBER, EACH_ARRAY = 8, 256 * 1024 -- bytes; the latter for a mapping and a descriptor
local LEAST_UNSEEN, MOST_ARRAYS = 16 * 1024 * 1024, 256

-- The collector does not see the memory of arrays, nor their descriptors. It is called when there
-- may be as much of them as there is memory that it sees.
local function account_for(self, batch)
  if getmetatable(batch) ~= core.Array then return end
  self.arrays = self.arrays + 1
  self.unseen = self.unseen + EACH_ARRAY + batch:count() * EACH_NUMBER
  local seen = collectgarbage("count") * 1024
  if self.arrays < MOST_ARRAYS and self.unseen < math.max(seen, LEAST_UNSEEN) then return end
  self.arrays, self.unseen = 0, 0
  collectgarbage()
end

-- The workers go on while the consumer is busy with this batch.
local function keep_busy(self)
  if self.workers > 0 then self.pool:work() end
end

--- Iterate over batch_index, batch. Each call is the next epoch (or that of this number, from 1), and
-- abandons the one before. A batch that cannot be loaded raises its Failure
-- where it would stand; asked again, the iterator goes on behind it.
function Loader:epoch(number)
  if self.closed then check.fail("attempt to use a closed loader") end
  check.whole_option({number = number}, "number", 1, 1, "epoch")
  leave_epoch(self)
  self.epochs = number or self.epochs + 1
  local step, iteration = begin_epoch(self, self.epochs)
  local function next_batch()
    if self.iteration ~= iteration then return nil end
    local index, batch = step()
    if index == nil then return leave_epoch(self) end
    keep_busy(self)
    account_for(self, batch)
    if failure.is(batch) and self.on_error ~= "collect" then
      if self.on_error == "skip" then return next_batch() end
      error(batch, 0)
    end
    return index, batch
  end
  return next_batch, nil, nil, closing.new(function()
    if self.iteration == iteration then leave_epoch(self) end
  end)
end

--- How many batches an epoch has.
function Loader:count() return order.count(self.size, self.batch, self.drop_last) end

--- End the workers; twice is harmless.
function Loader:close()
  if self.closed then return end
  self.closed = true
  leave_epoch(self)
  dismiss_workers(self)
end

Loader.__len = Loader.count
Loader.__close = Loader.close

-- ---- making one -----------------------------------------------------------

local OPTIONS = {
  dataset = "function or table or userdata", size = "number", batch = "number", workers = "number",
  shuffle = "boolean", seed = "number", prefetch = "number", collate = "function", ctype = "string",
  worker_init = "function", drop_last = "boolean", persistent = "boolean", on_error = "string",
  timeout = "number", retries = "number", start_method = "string",
}

local ON_ERROR = {"raise", "collect", "skip"}

local function refuse(text, ...) check.fail(("bad argument #1 to 'Loader' (%s)"):format(text:format(...))) end

local function check_options(options)
  check.options(options, OPTIONS, 1, "Loader")
  if options.dataset == nil then refuse("a dataset is needed") end
  for name, least in pairs({size = 0, batch = 1, prefetch = 1}) do
    check.whole_option(options, name, least, 1, "Loader")
  end
  check.whole_option(options, "seed", nil, 1, "Loader")
  check.whole_option(options, "workers", nil, 1, "Loader")
  check.choice_option(options, "on_error", ON_ERROR, 1, "Loader")
end

-- Of the dataset's own length, when it has one.
local function size_of(dataset)
  if type(dataset) == "function" then refuse("size is needed with a function as dataset") end
  return type(dataset) == "table" and dataset.n or #dataset
end

local function fresh_seed()
  return core.random_stream(os.time(), math.floor(core.clock() * 1e9) + core.pid())(2147483647)
end

local function count_workers(workers)
  workers = workers or core.cpu_count()
  return workers < 0 and math.max(1, core.cpu_count() + 1 + workers) or workers
end

local made = 0 -- so many in this process

local function new_key()
  made = made + 1
  return ("%d.%d"):format(core.pid(), made)
end

local loader = {}

--- Make a Loader. Options: dataset (a function of the index from 1, or a list), size (of a
-- function's dataset), batch = 32 items, workers (default: one a processor; 0: in this process),
-- shuffle = false, seed (default: another each time), prefetch = 2 batches ahead a worker, collate
-- (a function that makes the batch of a list of items, in the worker), ctype (batches that are lists of
-- numbers arrive as Arrays of this type), worker_init (a function of
-- the worker's number, run as it begins), drop_last = false (a last batch that is smaller), persistent =
-- true (workers live from epoch to epoch), on_error = "raise" | "collect" | "skip"; timeout, retries,
-- start_method as of a Pool. Workers are started by the first epoch.
function loader.new(options)
  check_options(options)
  local self = {epochs = 0, arrays = 0, unseen = 0, key = new_key(), repeatable = options.seed ~= nil}
  for name, value in pairs(options) do self[name] = value end
  self.size = options.size or size_of(options.dataset)
  self.batch, self.prefetch = options.batch or 32, options.prefetch or 2
  self.workers, self.seed = count_workers(options.workers), math.floor(options.seed or fresh_seed())
  self.persistent = options.persistent ~= false
  return setmetatable(self, Loader)
end

return loader
