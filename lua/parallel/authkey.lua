--- authkey: the secret that a program and its children prove to each other that they know.
--
-- 32 random bytes that are there from the start, so that all children inherit them.
local authkey = {}

local function random_bytes(count)
  local source = assert(io.open("/dev/urandom", "rb"))
  source:setvbuf("no") -- no more than is needed
  local bytes = source:read(count)
  source:close()
  return bytes
end

local key = random_bytes(32)

--- This process's key.
function authkey.get() return key end

--- In a process that did not inherit it: what its parent's is.
function authkey.set(bytes) key = bytes end

return authkey
