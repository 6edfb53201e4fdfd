--- sent_pool: what becomes of a pool that goes to another process, most often since a
-- function captures it: there it only tells whose it is.
local core = require("parallel.core")

local sent_pool = {}

--- Have pools, whose metatable this is, sent so. In the process that made it a pool
-- that comes back is itself.
function sent_pool.register(Pool)
  local here, last = setmetatable({}, {__mode = "v"}), 0

  local function dump(pool)
    if not pool.number then
      last = last + 1
      pool.number = last
      here[last] = pool
    end
    return {pool.owner, pool.number}
  end

  local function load(of)
    local owner, number = of[1], of[2]
    return owner == core.pid() and here[number] or setmetatable({owner = owner}, Pool)
  end

  core.register_type("parallel.pool", Pool, {dump = dump, load = load})
end

return sent_pool
