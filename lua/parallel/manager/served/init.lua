--- served: the kinds of objects that live in a manager's process.
--
-- A kind is a table: `new` makes an object; `methods` are called as method(object, ...); `turns` as
-- method(object, turn, ...), and may wait (turn.lua). What else it has says how proxies look
-- (proxy.lua): `indexed`, they have values by keys; `fields`, what is read without a call;
-- `single`, a field `value`; `guarded`, they have `with` and `guard`; `hidden`, methods that are not theirs;
-- `made_of_object`, `new` gets the object that a proxy stands for.
local check = require("parallel.base.check")
local refusal = require("parallel.manager.served.refusal")

local kinds = {}

-- ---- update ---------------------------------------------------------------

local function store(set, object, k, ...)
  if select("#", ...) == 0 then return end -- what was changed in its place stays
  set(object, k, (...))
  return (...)
end

-- The value at k becomes f(value, ...): one step, since nothing else runs meanwhile.
local function updater(get, set)
  return function(object, k, f, ...)
    if type(f) ~= "function" then
      refusal.raise("bad argument #2 to 'update' (function expected, got %s)", type(f))
    end
    return store(set, object, k, f(get(object, k), ...))
  end
end

local function add_update(class)
  local update = updater(class.methods.get, class.methods.set)
  if not class.single then
    class.methods.update = update
    return
  end
  function class.methods.update(object, k, ...) -- update(f, ...) too: it has but one
    if type(k) == "function" then return update(object, nil, k, ...) end
    return update(object, k, ...)
  end
end

local function add(name, class)
  class.methods, class.turns = class.methods or {}, class.turns or {}
  if (class.indexed or class.single) and not class.methods.update then add_update(class) end
  kinds[name] = class
end

for _, module in ipairs({
  "barrier", "condition", "dict", "event", "list", "lock", "queue", "semaphore", "value",
}) do
  for name, class in pairs(require("parallel.manager.served." .. module)) do add(name, class) end
end

-- ---- the user's -----------------------------------------------------------

local function method_of(name)
  return function(object, ...) return object[name](object, ...) end
end

-- Without a list: whatever does not begin with "_".
local function any_method(_, name)
  if type(name) == "string" and not name:find("^_") then return method_of(name) end
end

--- Define a kind; see register.
local function define(name, constructor, names)
  local class = {new = constructor, methods = {}, names = names or false, defined = true}
  for _, method in ipairs(names or {}) do class.methods[method] = method_of(method) end
  if not names then setmetatable(class.methods, {__index = any_method}) end
  add(name, class)
end

local served = {define = define}

--- A type of your own: manager:name(...) calls constructor(...) in the manager's process, and
-- returns a proxy of the object that it returns, whose methods of these names may be called; all but
-- those that begin with "_" when the list is left out.
function served.register(name, constructor, methods)
  check.type(name, "string", 1, "register")
  check.callable(constructor, 2, "register")
  if methods ~= nil then check.type(methods, "table", 3, "register") end
  if kinds[name] and not kinds[name].defined then
    check.fail(("bad argument #1 to 'register' ('%s' is a type of the library)"):format(name))
  end
  define(name, constructor, methods)
end

--- The kind of that name, or nil.
function served.kind(name) return kinds[name] end

return served
