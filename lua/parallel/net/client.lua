--- client: a connection to a listener, of this program or another.
local authkey = require("parallel.process.authkey")
local check = require("parallel.base.check")
local core = require("parallel.core")

local OPTIONS = {address = true, authkey = true, timeout = "number"}

--- Connect to {address =, authkey =, timeout =}, see listener.lua. A connection; or nil and why not:
-- "timeout", "authentication failed", "cannot connect to ...". When there is no key
-- (authkey = false), whether the listener wants one shows at the first recv.
local function new(options)
  check.options(options, OPTIONS, 1, "Client")
  authkey.check_address(options.address, "Client")
  local key = authkey.of_option(options.authkey, "Client")
  return core.client(options.address, key, options.timeout)
end

return {new = new}
