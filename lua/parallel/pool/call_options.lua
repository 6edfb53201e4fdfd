--- call_options: the options of one call of a pool's method, checked and copied.
local check = require("parallel.base.check")

local ON_ERROR = {"raise", "collect", "skip"}
local PLACE = 4 -- among the arguments, of which the pool is the first

local function with(known, more)
  local all = {}
  for name, types in pairs(known) do all[name] = types end
  for name, types in pairs(more) do all[name] = types end
  return all
end

local TASK = {timeout = true, retries = true}
local RESULT = {callback = "function", error_callback = "function", label = "string or number"}
local MAP = with(TASK, {
  chunksize = true, window = true, on_error = true, ordered = "boolean", progress = "boolean or function",
})
local APPLY = with(TASK, RESULT)
local MAP_ASYNC = with(MAP, RESULT)
local REDUCE = with(MAP, {init = true, final = "function"})

local call_options = {}

local function checked(options, known, name, place)
  options, place = options or {}, place or PLACE
  check.options(options, known, place, name)
  check.whole_option(options, "retries", 0, place, name)
  check.time_option(options, "timeout", place, name)
  check.whole_option(options, "chunksize", 1, place, name)
  check.whole_option(options, "window", 1, place, name)
  check.choice_option(options, "on_error", ON_ERROR, place, name)
  return with(options, {})
end

--- Of apply_async.
function call_options.apply(options, name) return checked(options, APPLY, name) end

--- Of a method, or with another `place` of a function, that runs a function over items.
function call_options.map(options, name, place) return checked(options, MAP, name, place) end

--- Of one that returns an AsyncResult of that.
function call_options.map_async(options, name) return checked(options, MAP_ASYNC, name) end

--- Of reduce.
function call_options.reduce(options, name, place) return checked(options, REDUCE, name, place) end

return call_options
