--- identity: which process this is: the main one, or which of whose children.
--
-- A child says so once, with `become`; what it inherited, or was told, of its
-- parent makes the rest. A process that was forked by other means is what its
-- parent was, under a number of its own.
local attend = require("parallel.base.attend")
local authkey = require("parallel.process.authkey")
local check = require("parallel.base.check")
local core = require("parallel.core")

local MOST_NESTED = 10 -- pools of workers of pools ..., which would be a fork bomb beyond

local Here = {}

function Here.__index(_, name)
  if name == "authkey" then return authkey.get() end
end

local here = setmetatable({name = "main", daemon = false}, Here)
local parent -- of a child of ours
local depth = 0 -- how many of our processes stand above this one
local worker

local identity = {}

--- This process: pid, name, daemon, parent_pid, authkey.
function identity.current()
  here.pid, here.parent_pid = core.pid(), core.parent_pid()
  return here
end

--- Inside a worker of a pool: {id =, workers =, seed =}; nil elsewhere.
function identity.worker() return worker end

--- Refuse a pool, at the line of the caller, when too many stand above this process.
function identity.check_nesting()
  if depth >= MOST_NESTED then check.fail(("pools are nested more than %d deep"):format(MOST_NESTED)) end
end

-- ---- the parent -----------------------------------------------------------

local Parent = {}

-- `sentinel` is opened when somebody asks for it, and lives as long as this process.
function Parent.__index(self, name)
  if name ~= "sentinel" then return Parent[name] end
  local fd = self:is_alive() and core.watch(self.pid) or nil
  rawset(self, "sentinel", fd)
  return fd
end

--- An orphan gets another parent.
function Parent:is_alive() return core.parent_pid() == self.pid end

local LOOK_AGAIN = 0.01 -- seconds, where the kernel has no pidfd

--- Wait for its end: true, or nil, "timeout". A worker of a pool is ended with
-- its parent, and sees the latter only.
function Parent:join(timeout)
  local deadline = core.clock() + (timeout or math.huge)
  while self:is_alive() do
    local left = deadline - core.clock()
    if left <= 0 then return nil, "timeout" end
    attend.poll({self.sentinel}, self.sentinel and left or math.min(left, LOOK_AGAIN))
  end
  return true
end

--- The parent, when that is a process of ours; nil in the main process.
-- `pid`, `name`, `is_alive()`, `join(timeout)`, `sentinel`.
function identity.parent() return parent end

-- ---- births ---------------------------------------------------------------

--- What a child of this process needs to know for `become`; it can be sent.
function identity.descent()
  return {pid = core.pid(), name = here.name, depth = depth + 1, authkey = authkey.get()}
end

local births = {} -- what else a child has to do first

--- From now on each child calls f() at its birth, as soon as it knows who it is.
function identity.at_birth(f) births[#births + 1] = f end

--- In a child: who it is. `descent` is its parent's; `info` what identity.worker
-- is to return there.
function identity.become(descent, name, daemon, info)
  here = setmetatable({name = name, daemon = daemon}, Here)
  authkey.set(descent.authkey)
  parent = setmetatable({pid = descent.pid, name = descent.name}, Parent)
  depth, worker = descent.depth, info
  for _, f in ipairs(births) do f() end
end

return identity
