--- new_path: where to listen when nobody says where: a path that no other program has or can guess.
local random_bytes = require("parallel.base.random_bytes")

return function()
  local name = random_bytes(8):gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)
  return ("%s/parallel-lua-%s"):format(os.getenv("TMPDIR") or "/tmp", name)
end
