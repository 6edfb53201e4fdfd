-- rows: the programs that are compared, one list for each kind of work.
--
-- A row is a command, the number of processes that work at a time, and what it
-- is: "ours" (the first such row is the one that all others are compared
-- with), "limit" (in C), or the tools that a peer needs, by their names in
-- machine.lua.

local SCRIPTS = "../../scripts/bench/"

local rows = {
  program = nil, -- the path of parallel-lua
  python = nil, -- and of python3: a shim that is found first would cost its peers time
}

local function job(options, name, input)
  return ("%s %s %sjobs/%s.lua %s"):format(rows.program, options, SCRIPTS, name, input)
end

local function peer(interpreter, script, input)
  return ("%s %speers/%s %s"):format(interpreter, SCRIPTS, script, input)
end

local function list(entries)
  local result = {}
  for i, entry in ipairs(entries) do
    local name, processes, kind, command = table.unpack(entry)
    result[i] = { name = name, processes = processes, kind = kind, command = command }
  end
  return result
end

function rows.wordcount(text)
  return list({
    { "parallel-lua", 2, "ours", job("-j2", "wordcount", text) },
    { "parallel-lua", 1, "ours", job("-j1", "wordcount", text) },
    { "parallel-lua, `emit:all`", 2, "ours", job("-j2", "wordcount_all", text) },
    { "parallel-lua, `emit:all`", 1, "ours", job("-j1", "wordcount_all", text) },
    { "parallel-lua, a line at a time", 2, "ours", job("-j2", "wordcount_lines", text) },
    { "GNU parallel, tr, mawk", 2, "GNU parallel, mawk", peer("sh", "wordcount.sh parallel", text) },
    { "tr, tr, mawk in a pipe", 3, "mawk", peer("sh", "wordcount.sh tr", text) },
    { "Python multiprocessing", 2, "Python", peer(rows.python, "wordcount.py 2", text) },
    { "perl MCE", 2, "MCE", peer("perl", "wordcount.pl 2", text) },
    { "Python", 1, "Python", peer(rows.python, "wordcount.py 1", text) },
    { "mawk", 1, "mawk", peer("sh", "wordcount.sh mawk", text) },
    { "perl", 1, "perl", peer("perl", "wordcount.pl 1", text) },
    { "LuaJIT, plain loop", 1, "LuaJIT", peer("luajit", "wordcount.lua", text) },
    { "Lua, plain loop", 1, "Lua", peer("lua5.4", "wordcount.lua", text) },
    { "tr, tr, sort, uniq in a pipe", 3, "coreutils", peer("sh", "wordcount.sh sort", text) },
    { "C", 2, "limit", "./wordcount 2 " .. text },
    { "C", 1, "limit", "./wordcount 1 " .. text },
  })
end

function rows.index(folder)
  return list({
    { "parallel-lua", 2, "ours", job("-j2", "index", folder) },
    { "parallel-lua", 1, "ours", job("-j1", "index", folder) },
    { "GNU parallel, mawk, sort", 2, "GNU parallel, mawk", peer("sh", "index.sh 2", folder) },
    { "Python multiprocessing", 2, "Python", peer(rows.python, "index.py 2", folder) },
    { "perl MCE", 2, "MCE", peer("perl", "index.pl 2", folder) },
    { "Python", 1, "Python", peer(rows.python, "index.py 1", folder) },
    { "Lua, plain loop", 1, "Lua", peer("lua5.4", "index.lua", folder) },
    { "C", 2, "limit", "./index 2 " .. folder },
    { "C", 1, "limit", "./index 1 " .. folder },
  })
end

--- The lines of a text sorted, with a tenth of the memory that they need and with enough.
function rows.spill(text, memory)
  local option = "--memory " .. memory
  local function sort(size) return ("env LC_ALL=C sort --parallel=2 -S %s %s"):format(size, text) end
  return list({
    { "in memory", 2, "ours", job("-j2 --memory 4G", "sort", text) },
    { "with `" .. option .. "`", 2, "ours", job("-j2 " .. option, "sort", text) },
    { "`sort -S " .. memory .. "`", 2, "coreutils", sort(memory) },
    { "`sort -S 4G`", 2, "coreutils", sort("4G") },
  })
end

--- One job over texts of several sizes.
function rows.size(texts)
  local entries = {}
  for i, text in ipairs(texts) do entries[i] = { text, 2, "ours", job("-j2", "wordcount", text) } end
  return list(entries)
end

--- The word count of one line, and an interpreter that does nothing at all.
function rows.start(line)
  local entries = {}
  for _, row in ipairs(rows.wordcount(line)) do
    if row.processes == 2 or row.kind == "limit" then entries[#entries + 1] = row end
  end
  table.insert(entries, 3, list({ { "`lua5.4 -e ''`", 1, "Lua", "lua5.4 -e ''" } })[1])
  return entries
end

--- One process, and two that have nothing to do with each other, as pairs.
function rows.cores(text, short_text)
  local function twice(command) return ("sh -c '%s >two & %s; wait'"):format(command, command) end
  local c = "./wordcount 1 " .. text
  local lua = peer("lua5.4", "wordcount.lua", short_text)
  return list({
    { "C", 1, "limit", c },
    { "C", 2, "limit", twice(c) },
    { "a Lua loop", 1, "Lua", lua },
    { "a Lua loop", 2, "Lua", twice(lua) },
  })
end

return rows
