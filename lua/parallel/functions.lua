--- functions: user functions on their way to workers: sent once, not with every task.
--
-- A function has a number for what it is *now*: its code and what it captures at
-- the moment of the call. While that stays the same so does the number; the
-- workers are told once what it stands for. Workers forked later inherit this
-- table, and are told nothing. A version that was replaced is forgotten by all
-- once no task needs it.
local core = require("parallel.core")

local Functions = {}
Functions.__index = Functions

-- A function that captures nothing but globals is always the same.
local function captures(f)
  local i = 1
  while true do
    local name = debug.getupvalue(f, i)
    if not name then return false end
    if name ~= "_ENV" then return true end
    i = i + 1
  end
end

-- Numbers a new version, and has the workers told.
function Functions:define(f, bytes, changes)
  local number = self.last + 1
  self.last = number
  local version = {number = number, bytes = bytes, changes = changes, users = 0}
  self.versions[number] = version
  self.current[f] = version
  self.tell("define", number, bytes)
  return version
end

local function forget(self, version)
  self.versions[version.number] = nil
  self.tell("forget", version.number)
end

--- The same as `take` for a function that cannot have changed; nil when it may have.
function Functions:unchanging(f)
  local version = self.current[f]
  if not version or version.changes then return nil end
  version.users = version.users + 1
  return version
end

--- The version of f as it is now; whoever takes it gives it back with `release`.
-- Raises "PATH: REASON" when something that f captures cannot leave this process.
function Functions:take(f)
  local version = self.current[f]
  if not version or version.changes then
    local bytes = core.encode_trusted(f)
    if not version or version.bytes ~= bytes then
      local old = version
      version = self:define(f, bytes, type(f) ~= "function" or captures(f))
      if old then
        old.replaced = true
        self:release(old, 0) -- it is forgotten now, or when its last user is done
      end
    end
  end
  version.users = version.users + 1
  return version
end

--- So many users of the version less, one when nothing is said.
function Functions:release(version, count)
  version.users = math.max(0, version.users - (count or 1))
  if version.replaced and version.users == 0 and self.versions[version.number] then
    forget(self, version)
  end
end

--- In a worker: the function of this number.
function Functions:get(number)
  local version = self.versions[number]
  if not version.f then version.f = core.decode_trusted(version.bytes) end
  return version.f
end

--- In a worker: what `tell` says.
function Functions:defined(number, bytes) self.versions[number] = {bytes = bytes} end

function Functions:forgotten(number) self.versions[number] = nil end

local functions = {}

--- `tell(what, number, bytes)` has every worker that lives now call
-- `defined` or `forgotten` before any task that is submitted later.
function functions.new(tell)
  return setmetatable({
    last = 0, versions = {}, tell = tell,
    current = setmetatable({}, {__mode = "k"}), -- f -> its version
  }, Functions)
end

return functions
