-- The core is built in layers, each knowing only those below it. This spec is
-- the drawing of that; it fails when an #include or a require points upwards.
local files = require "spec.support.files"
local shell = require "spec.support.shell"

-- What a folder of core/ may include besides itself. What is allowed to it is
-- allowed to those above it.
local LAYERS = {
  os = {},
  wire = {"os"},
  pool = {"wire"},
  sync = {"os"},
  typed = {},
  shuffle = {"os", "wire/buffer.h"},
  net = {"wire"},
  mpi = {"pool"},
  lua = {"pool", "sync", "typed", "shuffle", "net", "mpi"},
  host = {"lua"},
}

local KNOWS_LUA = {lua = true, host = true}

local function list(command)
  local paths = {}
  for path in shell.run(command).stdout:gmatch("[^\n]+") do paths[#paths + 1] = path end
  assert.is_true(#paths > 0, command .. " found nothing")
  return paths
end

local function c_files()
  return list("find core -name '*.[ch]' | sort")
end

local function includes(path)
  return files.read(path):gmatch('\n%s*#%s*include%s*([<"])([^>"]+)[>"]')
end

local function folder_of(path)
  return path:match("^core/([^/]+)/")
end

local function may_include(folder, target)
  if folder_of(target) == folder then return true end
  for _, layer in ipairs(LAYERS[folder]) do
    if target == "core/" .. layer then return true end
    if folder_of(target) == layer then return true end
    if LAYERS[layer] and may_include(layer, target) then return true end
  end
  return false
end

-- A way from a node back to itself, as "a -> b -> a"; nil when there is none.
local function cycle_in(graph)
  local state = {}
  local function visit(node, way)
    if state[node] == "done" then return nil end
    way = way .. node
    if state[node] == "open" then return way end
    state[node] = "open"
    for target in pairs(graph[node] or {}) do
      local found = visit(target, way .. " -> ")
      if found then return found end
    end
    state[node] = "done"
  end
  for node in pairs(graph) do
    local found = visit(node, "")
    if found then return found end
  end
end

describe("a folder of core", function()
  it("is one of the layers", function()
    for _, path in ipairs(c_files()) do
      assert.is_truthy(LAYERS[folder_of(path)], path .. " is in no layer")
    end
  end)

  it("includes only what its layer allows, by its full path", function()
    local wrong = {}
    for _, path in ipairs(c_files()) do
      for mark, target in includes(path) do
        if mark == '"' and not (folder_of(target) and may_include(folder_of(path), target)) then
          wrong[#wrong + 1] = path .. " includes " .. target
        end
      end
    end
    assert.same({}, wrong)
  end)

  it("includes the headers of Lua only where Lua is known", function()
    local wrong = {}
    for _, path in ipairs(c_files()) do
      for mark, target in includes(path) do
        local is_of_lua = target:match("^lua[%w]*%.h") or target:match("^lauxlib") or target:match("^lualib")
        if mark == "<" and is_of_lua and not KNOWS_LUA[folder_of(path)] then
          wrong[#wrong + 1] = path .. " includes " .. target
        end
      end
    end
    assert.same({}, wrong)
  end)

  it("is not reached again by way of what it includes", function()
    local graph = {}
    for _, path in ipairs(c_files()) do
      local folder = folder_of(path)
      graph[folder] = graph[folder] or {}
      for mark, target in includes(path) do
        if mark == '"' and folder_of(target) ~= folder then graph[folder][folder_of(target)] = true end
      end
    end
    assert.is_nil(cycle_in(graph))
  end)
end)

-- What the modules in a folder of lua/parallel may require besides those of their own folder, and
-- what these may. Those that lie in lua/parallel itself are the public interface: they may require all
-- but the program.
local ROOMS = {
  base = {},
  process = {"base"},
  monitor = {"base"},
  sync = {"base"},
  shared = {"sync"},
  net = {"process"},
  mapreduce = {"process", "monitor"},
  pool = {"mapreduce"},
  loader = {"pool"},
  ["manager/served"] = {"shared"},
  manager = {"net", "manager/served"},
  [""] = {"loader", "manager"},
  cli = {""},
}

-- The folder and the requires of every module: {["parallel.pool.crew"] = {room = "pool", requires = {...}}}.
local function lua_modules()
  local modules = {}
  for _, path in ipairs(list("find lua -name '*.lua' | sort")) do
    local name = path:match("^lua/(.+)%.lua$"):gsub("/init$", ""):gsub("/", ".")
    local module = {room = path:match("^lua/parallel/(.*)/[^/]*$") or "", requires = {}}
    for target in files.read(path):gmatch("require%s*%(?%s*[\"'](parallel[%w_.]*%w)[\"']") do
      if target ~= "parallel.core" then module.requires[target] = true end
    end
    modules[name] = module
  end
  return modules
end

local function may_require(room, target)
  if room == target then return true end
  for _, lower in ipairs(ROOMS[room]) do
    if may_require(lower, target) then return true end
  end
  return false
end

describe("a module of lua/parallel", function()
  it("requires only what its folder allows", function()
    local modules, wrong = lua_modules(), {}
    for name, module in pairs(modules) do
      for target in pairs(module.requires) do
        local room = assert(modules[target], name .. " requires " .. target .. ", which is not there").room
        if not may_require(module.room, room) then wrong[#wrong + 1] = name .. " requires " .. target end
      end
    end
    assert.same({}, wrong)
  end)

  it("is not required by what it requires", function()
    local graph = {}
    for name, module in pairs(lua_modules()) do graph[name] = module.requires end
    assert.is_nil(cycle_in(graph))
  end)
end)

describe("cycle_in", function()
  it("finds none in a tree, and the way round in a ring", function()
    assert.is_nil(cycle_in({a = {b = true, c = true}, b = {c = true}}))
    assert.match("^%a %-> %a %-> %a$", cycle_in({a = {b = true}, b = {a = true}}))
  end)
end)

describe("may_include", function()
  it("allows what is allowed further down, and nothing that lies upwards", function()
    assert.is_true(may_include("pool", "core/os/sys.h"))
    assert.is_true(may_include("shuffle", "core/wire/buffer.h"))
    assert.is_false(may_include("shuffle", "core/wire/frame.h"))
    assert.is_false(may_include("os", "core/wire/buffer.h"))
    assert.is_false(may_include("lua", "core/host/parallel_lua.h"))
  end)
end)
