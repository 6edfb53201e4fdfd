--- interpreter: which program a process that begins anew runs, and with which arguments.
--
-- The program that runs here, when it is a Lua interpreter or parallel-lua; else
-- one that was named, or is found in $PATH. It loads the library from the file
-- from which it was loaded here.
local core = require("parallel.core")

local NAMES = rawget(_G, "jit") and {"parallel-luajit", "luajit"} or {"parallel-lua", "lua5.4", "lua54"}

local named

local function base(path) return path:match("[^/]*$") end

local function is_program(path) return base(path):find("^parallel%-lua") ~= nil end

local function is_interpreter(path) return base(path):find("^lua[jit%d.-]*$") ~= nil end

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

local function find_in_path()
  for folder in (os.getenv("PATH") or ""):gmatch("[^:]+") do
    for _, name in ipairs(NAMES) do
      local path = folder .. "/" .. name
      if exists(path) then return path end
    end
  end
end

local function find()
  local own = core.executable()
  if named then return named end
  if own and (is_program(own) or is_interpreter(own)) then return own end
  return find_in_path() or error(
    ("cannot start a fresh interpreter: %s is none, and there is no %s in $PATH: " ..
     "name one with parallel.set_executable(path)"):format(
      own or "this program", table.concat(NAMES, " or ")), 0)
end

-- The library is in a file of its own, or the interpreter finds it as we would.
local function load_library(path)
  if is_program(path) then return "" end
  if core.origin and core.origin ~= core.executable() then
    return ("package.loaded.parallel = assert(package.loadlib(%q, 'luaopen_parallel'))()"):format(
      core.origin)
  end
  return ("package.path, package.cpath = %q, %q "):format(package.path, package.cpath)
end

local interpreter = {}

--- The program to run from now on, a path; nil: find one.
function interpreter.set(path) named = path end

--- The arguments, for core.starter, of a process that calls parallel.recruit's
-- function of this name. Raises when there is no program for it.
function interpreter.command(name)
  local path = find()
  local code = ("%s require(%q) require(%q).%s"):format(
    load_library(path), "parallel", "parallel.process.recruit", name)
  if is_program(path) then return {path, "--recruit", code} end
  return {path, "-E", "-e", code}
end

return interpreter
