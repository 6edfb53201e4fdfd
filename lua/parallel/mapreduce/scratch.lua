--- scratch: a file without a name, in memory, or on disk in the folder of this path. Raises a
-- message for the user, without a place: it is the system that has no more.
local core = require("parallel.core")

return function(folder)
  local file, why = core.scratch(folder)
  return file or error(why, 0)
end
