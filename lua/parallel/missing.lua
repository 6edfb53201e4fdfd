--- missing: what to do about a global that a function misses in a worker.
--
-- A function takes along what it captures, but no globals: those are the worker's
-- own, as they were when it was forked.
local missing = {}

local FORMS = {
  "attempt to [%a ]+ a nil value %(global '([^']+)'%)$", -- Lua 5.4
  "attempt to [%a ]+ global '([^']+)' %(a nil value%)$", -- LuaJIT
}

local ADVICE = "%s; the worker has no global '%s': define it before the pool is made, "
  .. "make it local so that it goes along, or set it in the initializer"

--- The message of an error in a worker; with advice when a global was nil there.
function missing.explain(message)
  for _, form in ipairs(FORMS) do
    local name = message:match(form)
    if name then return ADVICE:format(message, name) end
  end
  return message
end

return missing
