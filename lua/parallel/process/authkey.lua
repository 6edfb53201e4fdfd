--- authkey: the secret that a program and its children prove to each other that they know.
--
-- 32 random bytes that are there from the start, so that all children inherit them.
local check = require("parallel.base.check")
local random_bytes = require("parallel.base.random_bytes")

local authkey = {}

local key = random_bytes(32)

--- This process's key.
function authkey.get() return key end

--- In a process that did not inherit it: what its parent's is.
function authkey.set(bytes) key = bytes end

local function refuse(name, text) check.fail(("bad argument #1 to '%s' (%s)"):format(name, text)) end

--- The key for an option `authkey`: what is given, false for none, this process's own for nil.
function authkey.of_option(given, name)
  if given == nil then return key end
  if given == false then return false end
  if type(given) ~= "string" then refuse(name, "authkey must be a string or false, got " .. type(given)) end
  if given == "" then refuse(name, "authkey cannot be empty; false means none") end
  return given
end

--- An option `address`: a string, and not an abstract name.
function authkey.check_address(address, name)
  if type(address) ~= "string" then refuse(name, "address must be a string, got " .. type(address)) end
  if address == "" then refuse(name, "address cannot be empty") end
  if address:find("^[@%z]") then
    refuse(name, "abstract socket names are not offered, since they have no permissions")
  end
end

return authkey
