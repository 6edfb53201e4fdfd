--- options: the options of the program `parallel-lua`, and what they were set to.
local core = require("parallel.core")
local exit = require("parallel.cli.exit")
local size = require("parallel.base.size")
local unpack = require("parallel.base.packing").unpack

-- ---- what values may look like --------------------------------------------

local function count_of(name)
  return function(text)
    local n = tonumber(text)
    if n then return n end
    return nil, ("--%s takes a number, got '%s'"):format(name, text)
  end
end

local function bytes_of(name)
  return function(text)
    local bytes = size.bytes(text) or size.bytes(tonumber(text) or "")
    if bytes then return bytes end
    return nil, ("--%s takes a size such as 64K or 8M, got '%s'"):format(name, text)
  end
end

local ESCAPES = {n = "\n", t = "\t", r = "\r", ["0"] = "\0", ["\\"] = "\\"}

-- A shell has no easy way to write a tab.
local function unescaped(text) return (text:gsub("\\(.)", ESCAPES)) end

-- ---- the list -------------------------------------------------------------

-- Each is {name, short, argument, help}; without an argument it is a flag.
local INPUT = {
  {"inputs-from", "-a", "FILE", "Read the names of inputs from a file, a line each; - is standard input."},
  {"null", "-0", nil, "They are separated by zero bytes instead."},
  {"records", nil, "KIND", "line, block, paragraph, file, or a separator.", convert = unescaped},
  {"block", "-b", "SIZE", "Least size of a block.", convert = bytes_of("block")},
  {"field-separator", "-F", "SEP", "Split records into the list f; a space: at blanks.", convert = unescaped},
  {"header", nil, "N", "The first N lines of each input are its header.", convert = count_of("header")},
}
local ONE_LINE = {
  {"map", "-e", "CODE", "What to do with each record; may be given several times.", many = true},
  {"begin", nil, "CODE", "Before the first record of each piece."},
  {"end", nil, "CODE", "After the last record of each piece."},
  {"variable", "-v", "NAME=VALUE", "Set a global variable first.", many = true},
  {"load", "-l", "MODULE", "Require a module first, as a global of its name.", many = true},
}
local REDUCE = {
  {"combine", nil, "NAME", "sum, count, min, max, mean, first, last, list, set, hist, top:N."},
  {"reduce", nil, "CODE", "One of these names, or Lua code that makes a value of key and values."},
  {"sort", nil, "KEY", "Order of the output: key (default), -key, value, -value, none."},
  {"top", nil, "N", "Keep N pairs, those with the greatest values unless --sort says otherwise.",
    convert = count_of("top")},
  {"partitions", nil, "N", "How many reduce tasks.", convert = count_of("partitions")},
  {"memory", nil, "SIZE", "Memory for the whole job (default: a quarter of what is free); more goes to disk.",
    convert = bytes_of("memory")},
  {"tmpdir", nil, "DIR", "Where on disk: default $TMPDIR or /tmp."},
}
local OUTPUT = {
  {"output", "-o", "FILE", "Write there, all or nothing."},
  {"out-dir", nil, "DIR", "Write part-00000, part-00001 ... in a folder."},
  {"format", "-f", "FORMAT", "tsv (default), json, csv, lua or raw.",
    choices = {"tsv", "json", "csv", "lua", "raw"}},
  {"tag", nil, nil, "Of a job that only maps: begin each line with its input's name."},
  {"keep-order", "-k", nil, "Of such a job: output in the order of the input (default)."},
  {"unordered", "-u", nil, "Or as it comes."},
}
local FAILURES = {
  {"halt", nil, "WHEN", "now,fail=1 (default), soon,fail=N, now,fail=N%, or never."},
  {"retries", nil, "N", "How often a split that failed runs again.", convert = count_of("retries")},
  {"timeout", nil, "SECONDS", "How long the work on one split may take.", convert = count_of("timeout")},
  {"skip-bad", nil, "N", "Go on without so many splits that failed.", convert = count_of("skip-bad")},
  {"joblog", nil, "FILE", "Write a line there for each split: when it ran, and how that ended."},
  {"resume", nil, nil, "Of a job that only maps: leave out the splits that the job log has."},
  {"resume-failed", nil, nil, "Likewise, but run those again that failed."},
  {"journal", nil, "DIR", "Of a job that reduces: keep there what is done, and go on from it."},
}
local RUNNING = {
  {"jobs", "-j", "N", "Worker processes: N, +N or -N (more or fewer than the processors), N%."},
  {"interactive", "-i", nil, "After the script, if there is one, run what is typed, line by line."},
  {"inline", nil, nil, "Run everything in this process: for debuggers and profilers."},
  {"progress", nil, nil, "Show how far the job is, and its rate."},
  {"stats", nil, nil, "At the end say what was done, and what counters counted."},
  {"trace", nil, "FILE", "Write a timeline there, for Perfetto."},
  {"report", nil, "FILE", "Write a page there: workers, slowest splits, failures."},
  {"seed", nil, "N", "Random numbers that are the same every time.", convert = count_of("seed")},
  {"backend", nil, "NAME", "Where the workers are: local."},
  {"dry-run", nil, nil, "Say what would be done, and do nothing."},
  {"quiet", "-q", nil, "Say nothing but what went wrong, and that in one line."},
  {"verbose", nil, nil, "Say what is done, and what is done again."},
  {"color", nil, "WHEN", "Color in messages: auto (default), always, never.",
    choices = {"auto", "always", "never"}},
}
local GROUPS = {
  {"Input", INPUT}, {"One-line jobs", ONE_LINE}, {"Reducing", REDUCE}, {"Output", OUTPUT},
  {"Failures", FAILURES}, {"Running", RUNNING},
}

local function add_option(parser, option)
  local name, short, argument, help = unpack(option, 1, 4)
  local names = (short and short .. " " or "") .. "--" .. name
  local target = (name:gsub("-", "_"))
  if not argument then return parser:flag(names, help):target(target) end
  local added = parser:option(names, help):target(target):argname(argument)
  if option.convert then added:convert(option.convert) end
  if option.choices then added:choices(option.choices) end
  if option.many then added:count("*") end
  return added
end

local function is_written_as(argument, option)
  local name, short, takes_value = "--" .. option[1], option[2], option[3]
  if argument == name or argument == short then return true end
  return takes_value and (argument:sub(1, #name + 1) == name .. "=" or argument:sub(1, 2) == short)
end

-- Those of a group that the arguments name; and how many arguments name one.
local function named(group, arguments)
  local list, count = {}, 0
  for _, option in ipairs(group) do
    local before = count
    for _, argument in ipairs(arguments) do
      if is_written_as(argument, option) then count = count + 1 end
    end
    if count > before then list[#list + 1] = option end
  end
  return list, count
end

-- A parser of all options takes as long to make as a small job to run, so most are left out when
-- each argument is one of the others. Otherwise somebody needs help.
local function groups_for(arguments)
  local groups, count = {}, 0
  for i, group in ipairs(GROUPS) do
    local list, more = named(group[2], arguments)
    groups[i], count = {group[1], list}, count + more
  end
  return count == #arguments and groups or GROUPS
end

local function new_parser(on_version, groups)
  local parser = require("argparse")("parallel-lua") -- it takes longer to load than all that is ours
    :usage("Usage: parallel-lua [options] script.lua [arguments]\n" ..
           "       parallel-lua [options] -e 'map code' [files]\n" ..
           "       parallel-lua check job.lua | doctor | completion bash|zsh|fish")
    :description("Run a Lua script, or the map-reduce job that it returns over the files named after it.")
    :epilog("A job is a table with a function map(record, emit); see docs/jobs.md.")
    :add_help(false)
  for _, group in ipairs(groups) do
    local members = {}
    for i, option in ipairs(group[2]) do members[i] = add_option(parser, option) end
    parser:group(group[1], unpack(members))
  end
  parser:group("Other", parser:flag("-h --help", "Show this text."):action(function()
    exit.saying(parser:get_help())
  end), parser:flag("--version", "Print the version."):action(on_version))
  return parser
end

-- Commands have the program's own options before them; what follows them is theirs.
local COMMANDS = {
  {"check", "JOB", "Load a job without running it: say what is wrong with it, or what it would do."},
  {"doctor", nil, "Say what this build and this machine offer."},
  {"completion", "SHELL", "Print what makes bash, zsh or fish complete our arguments."},
}
local SHELLS = {bash = "get_bash_complete", zsh = "get_zsh_complete", fish = "get_fish_complete"}

-- Every way to write an option that takes a value, and its long name.
local function valued()
  local names = {}
  for _, group in ipairs(GROUPS) do
    for _, option in ipairs(group[2]) do
      if option[3] then
        names["--" .. option[1]] = "--" .. option[1]
        if option[2] then names[option[2]] = "--" .. option[1] end
      end
    end
  end
  return names
end

local function is_option(argument) return argument:sub(1, 1) == "-" and argument ~= "-" end

-- Our own options end at the script's name: what follows is the script's. With -e there is none, and
-- options may stand behind files too. An option's value is joined to it, since it may be empty or
-- begin with a dash itself.
local function split_arguments(arguments)
  local own, rest, i, takes_value, has_code = {}, {}, 1, valued(), false
  while arguments[i] and (has_code or is_option(arguments[i])) do
    local option = arguments[i]
    local value = is_option(option) and takes_value[option] and arguments[i + 1]
    i = i + (value and 2 or 1)
    if option == "--" then break end
    has_code = has_code or takes_value[option] == "--map" or option:find("^%-e.") ~= nil
    table.insert(is_option(option) and own or rest, value and takes_value[option] .. "=" .. value or option)
  end
  for j = i, #arguments do rest[#rest + 1] = arguments[j] end
  return own, rest
end

local options = {}

--- The options as a table, and the arguments that follow them. Wrong ones end the program.
function options.parse(arguments, on_version)
  local own, rest = split_arguments(arguments)
  if #own == 0 then return {}, rest end
  local ok, parsed = new_parser(on_version, groups_for(own)):pparse(own)
  if not ok then exit.with(exit.USAGE, "%s (see --help)", parsed) end
  return parsed, rest
end

--- Is it the name of a command?
function options.is_command(name)
  for _, command in ipairs(COMMANDS) do
    if command[1] == name then return true end
  end
  return false
end

--- The script that makes a shell complete our arguments; nil when it is none we know.
function options.completion(shell)
  if not SHELLS[shell] then return nil end
  local parser = new_parser(function() end, GROUPS):require_command(false)
  for _, command in ipairs(COMMANDS) do
    local added = parser:command(command[1], command[3]):add_help(false)
    if command[2] then added:argument(command[2]:lower()):args("?") end
  end
  return parser[SHELLS[shell]](parser)
end

--- For the manual: groups {title, options}, and commands; each option is {name, short,
-- argument, help}, each command {name, argument, help}.
function options.all() return GROUPS, COMMANDS end

--- How many workers `-j text` means: N, +N, -N (relative to the processors), N%.
function options.workers(text)
  if not text then return nil end
  local sign, number, percent = text:match("^([+-]?)(%d+)(%%?)$")
  number = tonumber(number)
  if not number or (sign ~= "" and percent ~= "") then
    exit.with(exit.USAGE, "-j takes N, +N, -N or N%%, got '%s'", text)
  end
  local processors = core.cpu_count()
  if percent ~= "" then number = math.floor(processors * number / 100 + 0.5) end
  if sign == "+" then number = processors + number end
  if sign == "-" then number = processors - number end
  return math.max(1, number)
end

return options
