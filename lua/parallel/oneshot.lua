--- oneshot: parallel.map and its kin: make a pool, use it, close it.
-- Their options are those of the call and those of the pool, together. The workers
-- inherit the function, so it may capture what could not be sent, and sends nothing.
local call_options = require("parallel.pool.call_options")
local check = require("parallel.base.check")
local closing = require("parallel.base.closing")
local pool = require("parallel.pool")

local CALL = {"chunksize", "window", "on_error", "progress", "ordered", "init", "final"}

local oneshot = {}

local function divide(options)
  local of_pool, of_call = {}, {}
  for name, value in pairs(options or {}) do of_pool[name] = value end
  for _, name in ipairs(CALL) do of_call[name], of_pool[name] = of_pool[name], nil end
  return of_pool, of_call
end

local function finish(made, ok, ...)
  if ok then
    made:close()
    return ...
  end
  if made.terminate then made:terminate() else made:close() end
  error((...), 0)
end

--- Call f(object), then close the object; terminate it when f raised.
-- What <close> does on Lua 5.4, for both Luas.
function oneshot.with(object, f)
  local kind = type(object)
  if kind ~= "table" and kind ~= "userdata" or not object.close then
    check.fail(("bad argument #1 to 'with' (object with close expected, got %s)"):format(kind))
  end
  check.callable(f, 2, "with")
  return finish(object, pcall(f, object))
end

local PLACE = 3 -- of the options

local function open(method, f, items, options, name)
  check.callable(f, 1, name)
  check.items(items, 2, name)
  if options ~= nil then check.type(options, "table", PLACE, name) end
  local of_pool, of_call = divide(options)
  call_options[method == "reduce" and "reduce" or "map"](of_call, name, PLACE)
  return pool.inheriting(f, of_pool, PLACE, name), of_call
end

local function use(method)
  return function(f, items, options)
    local made, of_call = open(method, f, items, options, method)
    return finish(made, pcall(made[method], made, f, items, of_call))
  end
end

--- The function of this name that iterates with this method of a pool.
-- The pool is closed when the iteration ends, by itself or by an error. That of one that is
-- abandoned ends with the loop on Lua 5.4, on LuaJIT when it is collected.
function oneshot.iterating(method, name)
  return function(f, items, options)
    local made, of_call = open(method, f, items, options, name)
    local ok, step, _, _, rest = pcall(made[method], made, f, items, of_call)
    if not ok then finish(made, ok, step) end
    return function()
      local stepped, number, value = pcall(step)
      if not stepped then finish(made, false, number) end
      if number == nil then made:close() end
      return number, value
    end, nil, nil, closing.new(function()
      rest:close()
      made:close()
    end)
  end
end

oneshot.map, oneshot.starmap, oneshot.reduce = use("map"), use("starmap"), use("reduce")
oneshot.imap = oneshot.iterating("imap", "imap")
oneshot.imap_unordered = oneshot.iterating("imap_unordered", "imap_unordered")

return oneshot
