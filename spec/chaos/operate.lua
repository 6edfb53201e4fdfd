-- One run of random operations on one pool, checked against what each task may come to.
--
--    lua5.4 spec/chaos/operate.lua FOLDER SEED [operations at most]
--
-- The seed draws the pool's options too. The folder is to be empty; it gets the workers' logs and
-- the trail of what was done. Where something is wrong, that is printed with the trail's end.
local parallel = require "parallel"
local core = require "parallel.core"
local kinds = require "spec.chaos.kinds"
local ledger = require "spec.chaos.ledger"
local leftovers = require "spec.chaos.leftovers"
local nemesis = require "spec.chaos.nemesis"
local operations = require "spec.chaos.operations"
local session = require "spec.chaos.session"

local SHOWN = 30 -- lines of the trail

local folder, seed, most = arg[1], tonumber(arg[2]), tonumber(arg[3] or 30)
local trail = assert(io.open(folder .. "/trail", "w"))
trail:setvbuf("no") -- a worker must not have a half full buffer to write again

local function say(text, ...) trail:write(("%.6f %s\n"):format(core.clock(), text:format(...))) end

local function options_from(random)
  local function chance(percent) return random(100) <= percent end
  local methods = {"fork", "fork", "fork", "template", "spawn"}
  local outputs = {"inherit", "tag", "ordered", "discard"}
  return {
    workers = chance(90) and random(3) or 0, start_method = methods[random(5)], output = outputs[random(4)],
    retries = chance(50) and random(3) - 1 or nil, retry_errors = chance(25) or nil,
    timeout = chance(30) and 0.05 + random(10) / 100 or nil,
    tasks_per_worker = chance(30) and random(12) or nil,
    memory_per_worker = chance(15) and not rawget(_G, "jit") and "32M" or nil,
    seed = chance(10) and 5 or nil, trace = chance(10) and folder .. "/trace.json" or nil,
    initializer = chance(15) and function() _G.has_begun = true end or nil,
    finalizer = chance(15) and function() end or nil,
  }
end

local function say_options(options, is_stepped)
  local words = {is_stepped and "stepped" or nil}
  for name, value in pairs(options) do words[#words + 1] = ("%s=%s"):format(name, tostring(value)) end
  table.sort(words)
  say("%s", table.concat(words, " "))
end

-- What a start method leaves for good, such as the template process, is there before the pool.
local function warm_up(options)
  local pool = parallel.Pool({workers = 1, start_method = options.start_method, output = options.output})
  pool:apply(function() end)
  pool:close()
end

local function open_run(random)
  local options, is_stepped = options_from(random), random(100) <= 15
  say_options(options, is_stepped)
  warm_up(options)
  local before = leftovers.look(folder)
  local event = parallel.Event()
  local has = {no_workers = options.workers == 0, an_event_loop = is_stepped}
  return session.new({
    folder = folder, say = say, options = options, bounded = has.no_workers,
    operations = operations.perform, names = operations.names(has),
    is_stepped = is_stepped, ledger = ledger.new(options),
    enemy = nemesis.new(nemesis.random(seed + 1)), event = event, supplies = kinds.supplies(folder, event),
    side = parallel.Pool(1), pool = parallel.Pool(options),
  }), before
end

-- Some operations, then one of the ways to end a pool.
local function use(run, random)
  for _ = 1, random(most) do
    if run:is_over() then break end
    run:perform(run.names[random(#run.names)], nemesis.random(random(1000000)))
  end
  run.names.inner = {"terminate"}
  if not run:is_over() and random(100) <= 60 then run:perform("wait_for_all", random) end
  if not run:is_over() then run:perform(random(100) <= 30 and "terminate" or "close", random) end
end

local function settle(run)
  run.pool:close()
  assert(run.pool:join())
  run.enemy:close()
  for _, one in ipairs(run.open) do
    if one.result:has_ended() and not one.done then run:get(one, 0, "the end") end
  end
  run.side:close()
  run.event:close()
  if _G.log then _G.log:close() end -- of a pool without workers
end

local function read_logs(to)
  local list = io.popen(("ls '%s' | grep 'log$'"):format(folder))
  for name in list:lines() do to:read(io.lines(folder .. "/" .. name)) end
  list:close()
end

-- Returns the ledger, with what is wrong.
local function operate()
  local random = nemesis.random(seed * 7919)
  for _ = 1, 10 do random(10) end -- the first ones of neighbours are alike
  os.execute(("mkfifo '%s/fifo'"):format(folder))
  local run, before = open_run(random)
  local told = run.ledger
  local ok, why = xpcall(function()
    use(run, random)
    settle(run)
  end, debug.traceback)
  if not ok then told:problem("%s", why) end
  run.pool, run.side, run.open, run.event, run.supplies = nil, nil, {}, nil, nil
  for _, change in ipairs(ok and leftovers.since(before, folder) or {}) do told:problem("%s", change) end
  read_logs(told)
  return told
end

local function tell_of(problems)
  local lines = {}
  for line in io.lines(folder .. "/trail") do lines[#lines + 1] = line end
  io.stderr:write(table.concat(lines, "\n", math.max(1, #lines - SHOWN + 1)), "\n")
  for _, problem in ipairs(problems) do io.stderr:write("seed ", seed, ": ", problem, "\n") end
  io.stderr:write("once more with: scripts/chaos operations ", jit and "luajit " or "lua5.4 ", seed, "\n")
end

local problems = operate():check()
if #problems > 0 then tell_of(problems) end
os.exit(#problems == 0 and 0 or 1)
