--- loading: what a worker does for a Loader: it makes batches of items.
local core = require("parallel.core")
local identity = require("parallel.process.identity")
local seeding = require("parallel.base.seeding")

local here = {} -- {get =, collate =, ctype =} by the Loader's key

local loading = {}

--- In a worker that begins: what the Loader of this key needs there.
-- settings: dataset (a function, or what can be indexed), collate, ctype, worker_init.
function loading.begin(key, settings)
  local dataset, info = settings.dataset, identity.worker()
  local get = type(dataset) == "function" and dataset or function(i) return dataset[i] end
  here[key] = {get = get, collate = settings.collate, ctype = settings.ctype}
  if settings.worker_init then settings.worker_init(info and info.id or 0) end
end

--- Where there are no processes: that Loader is closed.
function loading.finish(key) here[key] = nil end

--- Make a batch: order is {key =, number = of the batch, seed = of the epoch or nil,
-- indices = of the items}.
function loading.load(order)
  local settings, items = here[order.key], {}
  if order.seed then seeding.set(order.seed, order.number) end
  for i, index in ipairs(order.indices) do
    local item = settings.get(index)
    if item == nil then error(("the dataset has nothing at %d"):format(index), 0) end
    items[i] = item
  end
  local batch = items
  if settings.collate then batch = settings.collate(items) end
  if settings.ctype then batch = core.array(settings.ctype, batch) end
  return batch
end

return loading
