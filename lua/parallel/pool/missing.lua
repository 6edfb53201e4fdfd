--- missing: what to do about a global that a function misses in a worker.
--
-- A function takes along what it captures, but no globals: those are the worker's
-- own, as they were when it was forked.
local missing = {}

local FORMS = {
  "attempt to [%a ]+ a nil value %(global '([^']+)'%)$", -- Lua 5.4
  "attempt to [%a ]+ global '([^']+)' %(a nil value%)$", -- LuaJIT
}

local EARLIER = "define it before the pool is made, "
local ADVICE = "%s; the worker has no global '%s': %smake it local so that it goes along, "
  .. "or set it in the initializer"

--- The message of an error in a worker; with advice when a global was nil there.
-- `inherits`: the worker was forked from this process.
function missing.explain(message, inherits)
  for _, form in ipairs(FORMS) do
    local name = message:match(form)
    if name then return ADVICE:format(message, name, inherits and EARLIER or "") end
  end
  return message
end

return missing
