--- counters: what a job counts besides its result, added up over all workers.
local tally = {}

local counters = {}

--- Add n (1 when left out) to the counter of this name.
function counters.add(name, n)
  if type(name) ~= "string" then
    error(("bad argument #1 to 'counter' (string expected, got %s)"):format(type(name)), 2)
  end
  if n ~= nil and not tonumber(n) then
    error(("bad argument #2 to 'counter' (number expected, got %s)"):format(type(n)), 2)
  end
  tally[name] = (tally[name] or 0) + (n or 1)
end

--- What was counted in this process since the last call; nil when nothing was.
function counters.take()
  local taken = tally
  tally = {}
  return next(taken) ~= nil and taken or nil
end

--- Add what was taken, which may be nil, to these.
function counters.merge(into, taken)
  for name, n in pairs(taken or {}) do into[name] = (into[name] or 0) + n end
end

return counters
