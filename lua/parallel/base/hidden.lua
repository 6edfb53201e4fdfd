--- hidden: values that no forked child shall keep open because it can reach them.
--
-- A child keeps the connections that its function and the globals lead to (core/lua/reach.h).
-- These are this process's alone: they lie in the registry, and who has one knows its number.
local NAME = "parallel.hidden"

local function all()
  local registry = debug.getregistry()
  if not registry[NAME] then registry[NAME] = {} end
  return registry[NAME]
end

local hidden, last = {}, 0

--- Hide a value; returns its number.
function hidden.put(value)
  last = last + 1
  all()[last] = value
  return last
end

--- The value of that number; nil when there is none.
function hidden.get(number) return all()[number] end

--- The same, and forget it.
function hidden.take(number)
  local value = hidden.get(number)
  if number then all()[number] = nil end
  return value
end

return hidden
