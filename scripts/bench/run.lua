-- Compare parallel-lua with other tools and with C; see the script `run`,
-- which makes what this needs and starts it in the folder of the texts.

package.path = arg[0]:gsub("[^/]*$", "?.lua;") .. package.path

local group = require("group")
local machine = require("machine")
local measurement = require("measurement")
local report = require("report")
local rows = require("rows")

local RUNS = tonumber(os.getenv("RUNS") or 5)
local FEW_RUNS = math.ceil(RUNS / 2) -- for memory, which hardly varies
local FULL = os.getenv("BENCH") == "full"

local versions = machine.versions()

local function is_there(row)
  if row.kind == "ours" then return rows.program ~= nil end
  if row.kind == "limit" then return true end
  for tool in row.kind:gmatch("[^,]+") do
    if not versions[tool:match("^ *(.*)")] then return false end
  end
  return true
end

local function those_there(list)
  local result = {}
  for _, row in ipairs(list) do
    if is_there(row) then result[#result + 1] = row end
  end
  return result
end

-- The first row with such a name and number of processes, unless it failed.
local function find(list, name, processes)
  for _, row in ipairs(list) do
    if row.name == name and row.processes == processes and not row.fault then return row end
  end
end

local function is_peer(row) return row.kind ~= "ours" and row.kind ~= "limit" end

local function best_peer(list)
  local best
  for _, row in ipairs(list) do
    if is_peer(row) and not row.fault then
      local faster = not best or measurement.of(row, "wall") < measurement.of(best, "wall")
      best = faster and row or best
    end
  end
  return best
end

local function note_ratio(row, other, words)
  if row and other then report.note("%s: %.2f.", words, measurement.ratio(row, other)) end
end

-- What the limit in C prints is what everyone has to.
local function answer_of(command)
  assert(os.execute(command .. " > answer"))
  return "answer"
end

local function size_of(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local size = file:seek("end")
  file:close()
  return size
end

local works = {}

--- What two processors give to programs that share nothing: more cannot be asked of us.
function works.cores()
  local list = those_there(rows.cores("text-200", "text-20"))
  measurement.rounds(list, RUNS)
  report.table("**Two processors**: the same program once, and twice at a time.", list, "time")
  for i = 1, #list, 2 do
    local gain = 2 / measurement.ratio(list[i + 1], list[i])
    report.note("Two of %s do %.2f times the work of one.", list[i].name, gain)
  end
  os.remove("two")
end

local function note_wordcount(list)
  local loop, all = find(list, "parallel-lua", 2), find(list, "parallel-lua, `emit:all`", 2)
  local one, peer = find(list, "parallel-lua", 1), best_peer(list)
  if not (loop and peer) then return end
  note_ratio(loop, peer, "A loop in Lua, against the best peer (" .. peer.name .. ")")
  note_ratio(find(list, "parallel-lua, a line at a time", 2), peer, "The same, a line at a time")
  note_ratio(all, peer, "`emit:all`, against the best peer")
  note_ratio(all, find(list, "C", 2), "`emit:all`, against C")
  note_ratio(one, loop, "Speed-up of two workers over one")
  note_ratio(one, find(list, "Lua, plain loop", 1), "One worker, against a plain loop in Lua")
end

function works.wordcount()
  local list = those_there(rows.wordcount("text-200"))
  local megabytes = size_of("text-200") / 1e6
  local title = "**Word count**: the 20 most frequent words, case folded, of %.0f MB."
  measurement.rounds(list, RUNS, answer_of("./wordcount 1 text-200"))
  report.table(title:format(megabytes), list, "time", "processor", "ratio")
  note_wordcount(list)
end

local function size_of_tree(folder)
  local sum = " -type f -printf '%s\\n' | awk '{ bytes += $1 } END { print bytes }'"
  return tonumber(measurement.output_of("find " .. folder .. sum))
end

local function index(folder)
  local list = those_there(rows.index(folder))
  local title = "**Inverted index**: every word of %.0f MB with the sorted list of its files."
  measurement.rounds(list, RUNS, answer_of("./index 1 " .. folder))
  report.table(title:format(size_of_tree(folder) / 1e6), list, "time", "processor", "ratio")
  local ours, peer = find(list, "parallel-lua", 2), best_peer(list)
  if not (ours and peer) then return end
  note_ratio(ours, peer, "Against the best peer (" .. peer.name .. ")")
end

function works.index()
  index("tree-200")
  if FULL then index("tree") end
end

function works.memory()
  local list = {}
  for _, row in ipairs(those_there(rows.wordcount("text-200"))) do
    if row.processes == 2 or row.name == "mawk" then list[#list + 1] = row end
  end
  measurement.rounds(list, FEW_RUNS, answer_of("./wordcount 1 text-200"), "-m")
  report.table("**Memory** of all processes together, word count.", list, "peak")
end

function works.spill()
  local list = those_there(rows.spill("text-200", "22M"))
  if #list == 0 then return end
  measurement.rounds(list, RUNS, answer_of("env LC_ALL=C sort text-200"))
  report.table("**Beyond memory**: the lines of a text sorted, on disk with a tenth of the memory.",
    list, "time", "processor", "ratio")
  measurement.rounds(list, FEW_RUNS, "answer", "-m")
  report.table("The same, memory of all processes together.", list, "peak")
end

function works.size()
  local texts = { "text-20", "text-200", FULL and "text-1200" or nil }
  local list = those_there(rows.size(texts))
  if #list == 0 then return end
  for i, row in ipairs(list) do row.size = size_of(texts[i]) end
  measurement.rounds(list, RUNS)
  report.table("**Size**: the word count of more and more text.", list, "size", "time", "per_byte")
end

function works.start()
  assert(os.execute("echo Hello hello > line"))
  local list = those_there(rows.start("line"))
  measurement.rounds(list, RUNS * 4)
  report.table("**Start**: the whole run of a tiny job.", list, "time", "processor")
end

-- The path of the module for this version of Lua, which may be there or not.
local function module_for(version)
  return rows.program and rows.program:gsub("/bin/[^/]*$", "/lib/lua/" .. version .. "/parallel.so")
end

--- In one process, and under each Lua whose module is built beside the program.
function works.codec()
  for lua, version in pairs({ ["lua5.4"] = "5.4", luajit = "5.1" }) do
    local module = module_for(version)
    local limit = ("./codec_limit-%s.so"):format(lua)
    if module and size_of(module) and size_of(limit) then
      local script = "../../scripts/bench/codec.lua"
      assert(os.execute(("%s %s %s %s %d"):format(lua, script, module, limit, RUNS * 2 + 1)))
    else
      report.note("Codec: the module for %s is not built.", lua)
    end
  end
end

local function built(path) return path and size_of(path) and path or nil end

-- Those of a file each. The modules are those built beside the program.
for _, name in ipairs({ "pool", "gains", "processes", "shared", "net" }) do
  works[name] = function()
    group.print(require(name), {
      scripts = "../../scripts/bench", program = rows.program, python = rows.python,
      module = built(module_for("5.4")), jitmodule = built(module_for("5.1")),
    }, RUNS)
  end
end

local ALL = {
  "cores", "wordcount", "index", "memory", "spill", "size", "start", "codec", "pool", "gains", "processes",
  "shared", "net",
}

local function refuse_unknown(names)
  for _, name in ipairs(names) do
    if not works[name] then
      io.stderr:write(("bench: there is no work '%s' (%s)\n"):format(name, table.concat(ALL, ", ")))
      os.exit(2)
    end
  end
end

local function introduce()
  print(machine.describe(versions) .. ". Text: " .. measurement.output_of("cat about") .. ".")
  if not rows.program then report.note("Left out: parallel-lua itself, which is not built.") end
  local missing = table.concat(machine.missing(versions), ", ")
  if missing ~= "" then report.note("Left out, for want of these packages: %s.", missing) end
  if machine.load() > 0.5 then
    report.note("Others used the processors too (load %.1f): these figures are poor.", machine.load())
  end
  report.note("Medians of %d runs, taken in turn. In word count and index every run printed what C "
    .. "prints, or its row says otherwise.", RUNS)
end

local function main(program, ...)
  local names = select("#", ...) > 0 and { ... } or ALL
  refuse_unknown(names)
  rows.program = size_of(program) and program
  rows.python = measurement.output_of("python3 -c 'import sys; print(sys.executable)' 2>/dev/null")
  introduce()
  for _, name in ipairs(names) do works[name]() end
end

main(...)
