--- proxy: stands for an object in a manager's process; in any process, and used like the thing.
--
-- Sent to another process it stands there for the same object. It carries what is needed to reach
-- the manager, the key too: send it to those who may have that.
local condition = require("parallel.sync.condition")
local core = require("parallel.core")
local guard = require("parallel.sync.guard")
local link = require("parallel.manager.link")
local served = require("parallel.manager.served")

local STATE = {} -- the key of what a proxy holds: all others are the object's

local Proxy = {}

local function request(self, method, ...)
  local state = rawget(self, STATE)
  return state.link:request(state.id, method, ...)
end

-- ---- what proxies of a kind have ------------------------------------------

local function pass(name)
  return function(self, ...) return request(self, name, ...) end
end

local common = {}

--- The method of that name, also where a key of the object has it.
function common.call(self, name, ...) return request(self, name, ...) end

--- Keys and values, as they are just now.
function common.pairs(self)
  local keys, values = request(self, "items")
  local i = 0
  return function()
    i = i + 1
    return keys[i], values[i]
  end
end

local function methods_of(kind)
  local methods = {call = common.call}
  for _, group in ipairs({kind.methods, kind.turns}) do
    for name in pairs(group) do
      if not (kind.hidden and kind.hidden[name]) then methods[name] = pass(name) end
    end
  end
  if kind.indexed then methods.pairs = common.pairs end
  if kind.guarded then guard.add_to(methods) end
  if kind.turns.notify then methods.wait_for = condition.wait_for end
  for name in pairs(kind.fields or {}) do methods[name] = nil end
  return methods
end

-- A namespace has a field for each name but these.
local NAMESPACE = {call = common.call, pairs = common.pairs, update = pass("update")}

-- Of types that were registered the manager knows the methods.
local OPEN = {methods = setmetatable({call = common.call}, {__index = function(methods, name)
  if type(name) ~= "string" then return nil end
  methods[name] = pass(name)
  return methods[name]
end}), fields = {}}

local looks = {} -- by kind

local function look_of(name)
  if looks[name] then return looks[name] end
  local kind = served.kind(name)
  if not kind or kind.defined then return OPEN end
  looks[name] = {
    methods = kind.hidden and NAMESPACE or methods_of(kind),
    indexed = kind.indexed, fields = kind.fields or {}, single = kind.single,
  }
  return looks[name]
end

-- ---- metamethods ----------------------------------------------------------

function Proxy.__index(self, k)
  local look = rawget(self, STATE).look
  local method = look.methods[k]
  if method then return method end
  if look.indexed then return (request(self, "get", k)) end
  if look.fields[k] then return (request(self, k)) end
end

function Proxy.__newindex(self, k, value)
  local look = rawget(self, STATE).look
  if look.indexed or look.single and k == "value" then return request(self, "set", k, value) end
  error(("the field '%s' of %s cannot be set"):format(tostring(k), tostring(self)), 2)
end

function Proxy.__len(self) return request(self, "count") end

function Proxy.__pairs(self) return common.pairs(self) end

function Proxy.__tostring(self)
  local state = rawget(self, STATE)
  return ("%s of the manager at %s"):format(state.kind, state.link.address)
end

-- ---- making one, and sending it -------------------------------------------

local home -- in a manager's process: where its objects are

local proxy = {}

local function new(kind, to, id, guarding)
  local state = {kind = kind, look = look_of(kind), link = to, id = id, guarding = guarding}
  return setmetatable({[STATE] = state}, Proxy)
end

--- In a manager's process, where `to` is what it has instead of a link, and `entry` the object.
function proxy.here(kind, to, id, entry) return new(kind, to, id, entry) end

--- In a manager's process, from now on: its object that a proxy which came stands for is
-- to.find(id); to.grant(id) is told of each that goes, and whether it counts for who gets it.
function proxy.set_home(to) home = to end

--- The id of the object that a proxy of this manager stands for; nil for all else.
function proxy.id(value)
  if type(value) ~= "table" or getmetatable(value) ~= Proxy then return nil end
  local state = rawget(value, STATE)
  return state.link == home and state.id or nil
end

-- In an answer a manager's own objects have no address: they are where the answer comes from, by
-- whatever address it is known there.
local function dump(self)
  local state = rawget(self, STATE)
  if state.link == home and home.grant(state.id) then return {false, false, state.id, state.kind} end
  return {state.link.address, state.link.key, state.id, state.kind}
end

local function load(parts)
  local address, key, id, kind = parts[1], parts[2], parts[3], parts[4]
  local local_one = home and home.find(id)
  if local_one then return local_one end
  local to = address and link.to(address, key) or link.answering()
  return to:adopt(id, not address, function(...) return new(kind, ...) end)
end

core.register_type("parallel.manager.proxy", Proxy, {dump = dump, load = load})

return proxy
