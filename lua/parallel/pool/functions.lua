--- functions: user functions on their way to workers: sent once, not with every task.
--
-- A function has a number for what it is *now*: its code and what it captures at
-- the moment of the call. While that stays the same so does the number; the
-- workers are told once what it stands for. Workers forked later inherit this
-- table, and are told nothing. A version that was replaced is forgotten by all
-- once no task needs it.
--
-- A function that is known before the fork needs no bytes: it is inherited, with
-- all that it captures, be it an open file or a table of a million records.
local core = require("parallel.core")
local interruption = require("parallel.base.interruption")

local Functions = {}
Functions.__index = Functions

-- LuaJIT's environments are no upvalues.
local environment_of = rawget(_G, "getfenv") or function() return _G end

-- A function that captures nothing but the globals is always the same.
local function captures(f)
  local i = 1
  while true do
    local name, value = debug.getupvalue(f, i)
    if not name then return environment_of(f) ~= _G end
    if name ~= "_ENV" or value ~= _G then return true end
    i = i + 1
  end
end

-- Numbers a new version, and has the workers told.
function Functions:define(f, bytes, parcel, changes)
  local number = self.last + 1
  self.last = number
  local version = {number = number, bytes = bytes, parcel = parcel, changes = changes, users = 0}
  self.versions[number] = version -- before they are told: a worker may be made meanwhile
  self.tell(parcel, "define", number, bytes)
  self.current[f] = version -- after it: all of them know it
  return version
end

--- Before the fork: the workers shall inherit f as it is now. Its next `take` gives
-- this version, later ones look at what f captures by then.
function Functions:inherit(f)
  local version = self:define(f, nil, nil, captures(f))
  version.f, version.inherited = f, true
end

local function forget_unneeded(self, version)
  if not version.replaced or version.users > 0 then return end
  self.versions[version.number] = nil
  self.tell(nil, "forget", version.number)
end

local function same(a, b)
  if not a or not b then return a == b end
  for i = 1, math.max(#a, #b) do
    if not rawequal(a[i], b[i]) then return false end
  end
  return true
end

--- The same as `take` for a function that cannot have changed; nil when it may have.
function Functions:unchanging(f)
  local version = self.current[f]
  if version and not version.changes then return version end
end

-- With a table that is called goes its metatable, unless the workers know its type.
local function encode(f)
  if type(f) ~= "table" or core.has_type(f) then return core.encode_trusted(f) end
  local ok, bytes, parcel = pcall(core.encode_trusted, f, getmetatable(f))
  if ok then return bytes, parcel end
  interruption.pass_on(bytes)
  local path = tostring(bytes):gsub("^%[1%]%.?", ""):gsub("^%[2%]", "metatable")
  error(path, 0)
end

local function decode(version)
  local f, metatable = core.decode_trusted(version.bytes, version.parcel)
  return metatable and setmetatable(f, metatable) or f
end

--- The version of f as it is now; whoever takes it gives it back with `release`.
-- Raises "PATH: REASON" when something that f captures cannot leave this process.
function Functions:take(f)
  local version = self.current[f]
  if version and version.inherited then
    version.inherited = false
  elseif not version or version.changes then
    local bytes, parcel = encode(f)
    if not version or version.bytes ~= bytes or not same(version.parcel, parcel) then
      local old = version
      version = self:define(f, bytes, parcel, type(f) ~= "function" or captures(f))
      if old then
        old.replaced = true
        forget_unneeded(self, old)
      end
    end
  end
  if version.changes then version.users = version.users + 1 end
  return version
end

--- So many users of the version less, one when nothing is said. Of one that cannot change, and so is
-- never replaced, they are not counted.
function Functions:release(version, count)
  if not version.changes then return end
  version.users = math.max(0, version.users - (count or 1))
  forget_unneeded(self, version)
end

--- In a worker: the function of this number.
function Functions:get(number)
  local version = self.versions[number]
  if not version.f then version.f = decode(version) end
  return version.f
end

-- Looked for once, since a function that is inherited may hold much.
local function held_by(version)
  version.held = version.held or version.parcel or not version.bytes and core.reach(version.f) or {}
  return version.held
end

--- The shared objects that the versions hold, and descriptors of such: a worker that is
-- forked now needs them.
function Functions:held()
  local held = {}
  for _, version in pairs(self.versions) do
    for _, object in ipairs(held_by(version)) do held[#held + 1] = object end
  end
  return held
end

--- In a worker: what `tell` says.
function Functions:defined(number, bytes, parcel)
  self.versions[number] = {bytes = bytes, parcel = parcel}
end

function Functions:forgotten(number) self.versions[number] = nil end

--- All functions that workers know now, by number: {bytes, parcel}.
function Functions:all()
  local all = {}
  for number, version in pairs(self.versions) do
    all[number] = {bytes = version.bytes, parcel = version.parcel}
  end
  return all
end

local functions = {}

--- `tell(parcel, what, number, bytes)`, with the shared objects that go along, has every
-- worker that lives now call `defined` or `forgotten` before any task that is submitted later.
function functions.new(tell)
  return setmetatable({
    last = 0, versions = {}, tell = tell,
    current = setmetatable({}, {__mode = "k"}), -- f -> its version
  }, Functions)
end

return functions
