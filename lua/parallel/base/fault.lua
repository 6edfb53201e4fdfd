--- fault: points of the Lua files at which a test build can be made to fail on purpose (see
-- core/os/fault.h); elsewhere nothing happens there.
local testing = require("parallel.core").testing

--- fault(point): the point "noun.event" was reached.
return testing and testing.reach or function() end
