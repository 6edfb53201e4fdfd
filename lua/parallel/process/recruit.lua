--- recruit: a worker, or a template of workers, whose process began anew.
--
-- What it knows of its pool is in the letter that comes first on its channel: how
-- this library is set up in the pool's process, and then, for the module that has
-- the workers' functions, what that module's `recruited` is to get.
local core = require("parallel.core")
local log = require("parallel.base.log")

local recruit = {}

-- A script that parallel-lua runs has the library in a global.
local function has_global()
  return rawget(_G, "parallel") ~= nil and rawget(_G, "parallel") == package.loaded.parallel
end

--- What letters say that does not change while the pool lives: `value` as it is
-- now, as bytes and parcel in a list. Raises "PATH: REASON" when something in it cannot be sent.
function recruit.enclose(value) return {core.encode_trusted(value)} end

--- The letter for workers in which require(module).recruited(value, ...) makes the
-- table of functions that core.pool wants, and its parcel; `enclosed` is of recruit.enclose.
function recruit.letter(module, enclosed, ...)
  return core.encode_trusted(package.path, package.cpath, has_global(), log.level(), module, enclosed, ...)
end

-- The paths come first: to decode the rest may take modules.
local function open(letter, parcel)
  local function read(path, cpath, is_global, level, module, enclosed, ...)
    package.path, package.cpath = path, cpath
    if is_global then rawset(_G, "parallel", package.loaded.parallel) end
    log.set(level)
    return require(module).recruited(core.decode_trusted(enclosed[1], enclosed[2]), ...)
  end
  return read(core.decode_trusted(letter, parcel))
end

--- Be a worker with these descriptors (see core/lua/recruit.h); never returns.
function recruit.worker(numbers) core.recruit(numbers, open) end

--- Be a template of workers; never returns.
function recruit.template(numbers) core.recruit_template(numbers, open) end

return recruit
