--- memory: the want of it.
local memory = {}

--- Is this error, that was caught, about a lack of memory? After that there may be some again.
function memory.ran_out(why)
  return type(why) == "string" and why:find("not enough memory", 1, true) ~= nil
end

return memory
