--- value: one number that processes share. See core/lua/shared_value.h for its methods.
local core = require("parallel.core")
local guard = require("parallel.sync.guard")

local Value = core.Value
guard.add_to(Value)

--- Have it alone until the guard is closed: local guard <close> = v:lock(). Also
-- returns "abandoned" when the process that held it before died. One that holds it may lock it again.
Value.lock = Value.guard

return {new = core.shared_value}
