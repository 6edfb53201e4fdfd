--- recruit: a worker, or a template of workers, whose process began anew.
--
-- What it knows of its pool is in the letter that comes first on its channel.
local core = require("parallel.core")
local functions = require("parallel.functions")
local log = require("parallel.log")
local server = require("parallel.server")
local timeline = require("parallel.timeline")

local recruit = {}

-- A script that parallel-lua runs has the library in a global.
local function has_global()
  return rawget(_G, "parallel") ~= nil and rawget(_G, "parallel") == package.loaded.parallel
end

--- A pool's options as they are now, for its letters. Raises "PATH: REASON" when
-- something in them cannot be sent.
function recruit.settings(options)
  return core.encode_trusted(options, has_global(), log.level())
end

--- The letter of a pool of so many workers that know these functions.
function recruit.letter(settings, workers, known)
  local bytes = {}
  for number, version in pairs(known.versions) do bytes[number] = version.bytes end
  return core.encode_trusted(package.path, package.cpath, settings, workers, bytes)
end

-- The paths come first: to decode the rest may take modules.
local function open(letter)
  local path, cpath, settings, workers, bytes = core.decode_trusted(letter)
  package.path, package.cpath = path, cpath
  local options, is_global, level = core.decode_trusted(settings)
  log.set(level)
  options.workers = workers
  if is_global then rawset(_G, "parallel", package.loaded.parallel) end
  local known = functions.new()
  for number, code in pairs(bytes) do known:defined(number, code) end
  local begin, handle, finish = server.service(known, options)
  return {begin = begin, handle = handle, finish = finish, memory = options.memory_per_worker,
          output = options.output, name = options.name, times = timeline.wanted(options)}
end

--- Be a worker with these descriptors (see core/lua/recruit.h); never returns.
function recruit.worker(numbers) core.recruit(numbers, open) end

--- Be a template of workers; never returns.
function recruit.template(numbers) core.recruit_template(numbers, open) end

return recruit
