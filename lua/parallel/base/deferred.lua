--- deferred: a module that few programs need, loaded when something of it is first used.
--
--    local journal = deferred("parallel.mapreduce.journal")   in place of require

local Deferred = {}

function Deferred.__index(self, name)
  for field, value in pairs(require(self[Deferred])) do self[field] = value end
  return rawget(self, name)
end

return function(name) return setmetatable({[Deferred] = name}, Deferred) end
