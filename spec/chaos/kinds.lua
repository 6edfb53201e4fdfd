--- kinds: the kinds of tasks that random operations give to a pool, and what may come of each.
local kinds = {}

kinds.QUICK = {"value", "nap", "print", "shared", "table", "nothing", "large", "given", "error",
               "object", "unsendable"}
kinds.DEADLY = {"kill", "exit"}
kinds.ENDLESS = {"loop", "caught", "coroutine", "search", "blocked"}

local IS_ENDLESS = {}
for _, kind in ipairs(kinds.ENDLESS) do IS_ENDLESS[kind] = true end

function kinds.is_endless(kind) return IS_ENDLESS[kind] ~= nil end

-- ---- in the workers -------------------------------------------------------

-- These functions may travel to fresh interpreters, which have no upvalues of C.
local function spin(seconds)
  local clock = require("parallel.core").clock
  local deadline = clock() + seconds
  while clock() < deadline do end
end

kinds.spin = spin

local function large(id) return (("%d;"):format(id)):rep(200000) end

local function twice(id) return id * 2 end

-- By kind: run(id, more).
local RUNS = {
  value = twice,
  nap = function(id) spin(id % 7 / 1000) return twice(id) end,
  print = function(id) print("line of " .. id) return twice(id) end,
  shared = function(id, event) event:is_set() return twice(id) end,
  table = function(id) return {id, "x"} end,
  nothing = function() end,
  large = large,
  given = function(_, text) return #text end,
  error = function(id) error("boom " .. id) end,
  object = function(id) error({id = id}) end,
  unsendable = function() return coroutine.create(function() end) end,
  hog = function() local list = {} for i = 1, 1e8 do list[i] = {i} end return #list end,
  kill = function() os.execute("kill -9 " .. require("parallel.core").pid()) spin(1000) end,
  exit = function() os.exit(3) end,
  loop = function() while true do end end,
  caught = function() while true do pcall(function() while true do end end) end end,
  coroutine = function() coroutine.wrap(function() while true do end end)() end,
  search = function() return (("a"):rep(60)):find((".-"):rep(30) .. "b") end,
  blocked = function(_, fifo) while true do io.open(fifo) end end, -- nobody writes to it
}

--- The function of tasks, f(id, kind, more). Each worker keeps a log in the folder:
--
--    start ID TIME      it begins to run this task
--    finish ID TIME     it has this task's value, and is about to return it
function kinds.runner(folder)
  local function note(word, id)
    local core = require "parallel.core"
    if _G.logs_as ~= core.pid() then
      _G.log = assert(io.open(("%s/%d.log"):format(folder, core.pid()), "a"))
      _G.log:setvbuf("full") -- a record is one write: it is flushed by itself
      _G.logs_as = core.pid() -- the last, since what is stopped here comes again
    end
    _G.log:write(("%s %d %.9f\n"):format(word, id, core.clock()))
    _G.log:flush()
  end
  return function(id, kind, more)
    note("start", id)
    local value = RUNS[kind](id, more)
    note("finish", id)
    return value
  end
end

-- ---- what may come of it --------------------------------------------------

local BIG = ("x"):rep(700000)

--- What tasks get besides their number and their kind, by kind.
function kinds.supplies(folder, event)
  return {given = BIG, shared = event, blocked = folder .. "/fifo"}
end

local function is_twice(id, value) return value == twice(id) end

local IS_RIGHT = {
  value = is_twice, nap = is_twice, print = is_twice, shared = is_twice,
  table = function(id, value) return type(value) == "table" and value[1] == id and value[2] == "x" end,
  nothing = function(_, value) return value == nil end,
  large = function(id, value) return value == large(id) end,
  given = function(_, value) return value == #BIG end,
}

--- Is this what such a task returns?
function kinds.returns(task, value)
  local is_right = IS_RIGHT[task.kind]
  return is_right ~= nil and is_right(task.id, value)
end

local FAILS_WITH = {
  error = function(id, failure)
    return failure.kind == "error" and failure.message:find("boom " .. id .. "$")
  end,
  object = function(id, failure)
    return failure.kind == "error" and type(failure.value) == "table" and failure.value.id == id
  end,
  unsendable = function(_, failure) return failure.kind == "unsendable" end,
  hog = function(_, failure) return failure.kind == "memory" end,
  kill = function(_, failure) return failure.kind == "died" and failure.signal == "SIGKILL" end,
  exit = function(_, failure) return failure.kind == "died" and failure.signal == nil end,
}

--- Is this how such a task fails of itself?
function kinds.causes(task, failure)
  local causes = FAILS_WITH[task.kind]
  return causes and causes(task.id, failure)
end

return kinds
