--- recruit: a worker, or a template of workers, whose process began anew.
--
-- What it knows of its pool is in the letter that comes first on its channel.
local core = require("parallel.core")
local functions = require("parallel.functions")
local server = require("parallel.server")

local recruit = {}

-- A script that parallel-lua runs has the library in a global.
local function has_global()
  return rawget(_G, "parallel") ~= nil and rawget(_G, "parallel") == package.loaded.parallel
end

--- A pool's options as they are now, for its letters: bytes and parcel in a list. Raises
-- "PATH: REASON" when something in them cannot be sent.
function recruit.settings(options) return {core.encode_trusted(options, has_global())} end

--- The letter of a pool of so many workers that know these functions, and its parcel.
function recruit.letter(settings, workers, known)
  local versions = {}
  for number, version in pairs(known.versions) do versions[number] = {version.bytes, version.parcel} end
  return core.encode_trusted(package.path, package.cpath, settings, workers, versions)
end

-- The paths come first: to decode the rest may take modules.
local function open(letter, parcel)
  local path, cpath, settings, workers, versions = core.decode_trusted(letter, parcel)
  package.path, package.cpath = path, cpath
  local options, is_global = core.decode_trusted(settings[1], settings[2])
  options.workers = workers
  if is_global then rawset(_G, "parallel", package.loaded.parallel) end
  local known = functions.new()
  for number, version in pairs(versions) do known:defined(number, version[1], version[2]) end
  local begin, handle, finish = server.service(known, options)
  return {begin = begin, handle = handle, finish = finish, memory = options.memory_per_worker}
end

--- Be a worker with these descriptors (see core/lua/recruit.h); never returns.
function recruit.worker(numbers) core.recruit(numbers, open) end

--- Be a template of workers; never returns.
function recruit.template(numbers) core.recruit_template(numbers, open) end

return recruit
