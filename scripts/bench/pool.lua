-- pool: what handing work to processes costs, and what others ask for it.
--
-- A work is run by programs that each print one figure (pool/ours.lua, pool/python.py, pool/luv.lua
-- and limits/pool.c), in turn, as often as the others of `make bench`; the medians are a table's row.

local measurement = require("measurement")

local pool = {}

local SCRIPTS = "../../scripts/bench/pool/"

-- What is measured, its name for the programs, the unit and its format, and who takes part.
local WORKS = {
  { "1e5 tiny tasks, submitted one by one, and all results", "submit", "a second", "%.0f",
    "python executor luv" },
  { "`pool:map` of 1e6 squares", "map", "a second", "%.0f", "python executor" },
  { "`pool:apply` of a tiny function", "apply", "us", "%.1f", "python executor luv limit" },
  { "a fresh pool of 2 sums a table of 1e5 records that its parent holds", "inherit", "ms", "%.1f",
    "python executor" },
  { "a pool of 2 is made and closed", "open", "ms", "%.2f", "python executor limit" },
  { "memory of an idle worker that is its alone", "idle", "KiB", "%.0f", "python executor" },
  { "the same of one that reads 130 MB of inherited tables and makes garbage", "read", "MB", "%.1f", "" },
  { "from a worker's death to its Failure", "death", "ms", "%.2f", "" },
  { "memory for 1e6 tasks that are queued", "queued", "MB", "%.0f", "" },
  { "memory of the parent while 1e6 items of an iterator pass", "iterated", "MB", "%.1f", "" },
  { "time that a consumer of 1 ms a batch waits for a Loader with 2 workers, each 1.5 ms a batch", "loader",
    "%", "%.1f", "" },
  { "descriptors for each worker", "descriptors", "", "%.1f", "" },
}

local TASKS = { { 1, "1 us" }, { 10, "10 us" }, { 100, "100 us" }, { 1000, "1 ms" } }

local function commands(module, python)
  return {
    ours = ("lua5.4 %sours.lua %s "):format(SCRIPTS, module),
    python = ("%s %spython.py pool "):format(python, SCRIPTS),
    executor = ("%s %spython.py executor "):format(python, SCRIPTS),
    luv = ("UV_THREADPOOL_SIZE=2 lua5.4 %sluv.lua "):format(SCRIPTS),
    limit = "./pool ",
  }
end

local function print_costs(list, runs)
  local columns = { "ours", "python", "executor", "luv", "limit" }
  print("\n**The pool**: two workers; the limit is C over pipes.\n")
  print("| work | unit | **parallel-lua** | Python Pool | ProcessPoolExecutor | luv, threads | limit |")
  print("| --- | --- |" .. (" ---: |"):rep(#columns))
  for _, work in ipairs(WORKS) do
    local title, name, unit, format, others = table.unpack(work)
    local those = { ours = list.ours .. name }
    for other in others:gmatch("%a+") do those[other] = list[other] .. name end
    local cells = measurement.cells(measurement.medians(those, runs), columns, format)
    print(("| %s | %s | %s |"):format(title, unit, cells))
  end
end

local function print_gains(list, runs)
  print("\n**Two workers against a plain loop**, by what an item takes, and what two processes reach "
    .. "that have nothing to do with each other.\n")
  print("| an item takes | **parallel-lua** | two processes | of what is possible |")
  print("| --- | ---: | ---: | ---: |")
  for _, task in ipairs(TASKS) do
    local figures = measurement.medians({
      ours = list.ours .. "gain_" .. task[1], limit = list.ours .. "limit_" .. task[1],
    }, runs)
    if figures.ours and figures.limit then
      print(("| %s | %.2f | %.2f | %.0f %% |"):format(task[2], figures.ours, figures.limit,
        100 * figures.ours / figures.limit))
    end
  end
end

--- Prints both tables, with the module at this path.
function pool.run(module, python, runs)
  local list = commands(module, python)
  print_costs(list, runs)
  print_gains(list, runs)
end

return pool
