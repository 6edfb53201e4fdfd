-- group: figures that programs print one by one, as a table: a row for each work, a column for each program.
--
-- A group has
--
--    title
--    programs   each {name, heading, command}, ours first
--    works      each {title, name, unit, format, names of the programs that take part, goal}
--
-- A command, with a work's name behind it, prints one figure. `$word` in it stands for a setting: a
-- program whose setting is missing is left out. Where the program `limit` takes part, a column tells
-- how our figure stands to its.

local measurement = require("measurement")

local group = {}

local function has(list, name)
  for _, program in ipairs(list.programs) do
    if program[1] == name then return true end
  end
  return false
end

local function commands_of(list, settings)
  local commands = {}
  for _, program in ipairs(list.programs) do
    local name, _, command = table.unpack(program)
    local complete = true
    command = command:gsub("%$(%w+)", function(word)
      complete = complete and settings[word]
      return settings[word]
    end)
    commands[name] = complete and command or nil
  end
  return commands
end

local function print_head(list, limited)
  local headings = { "work", "unit" }
  for _, program in ipairs(list.programs) do table.insert(headings, program[2]) end
  if limited then table.insert(headings, "of the limit") end
  table.insert(headings, "goal")
  print(("\n%s\n\n| %s |"):format(list.title, table.concat(headings, " | ")))
  print("| --- | --- |" .. (" ---: |"):rep(#headings - 3) .. " --- |")
end

local function figures_of(work, commands, runs)
  local _, name, _, _, takers = table.unpack(work)
  local those = {}
  for taker in takers:gmatch("%a+") do
    if commands[taker] then those[taker] = ("%s %s"):format(commands[taker], name) end
  end
  return measurement.medians(those, runs)
end

local function ratio(figures, ours)
  if not (figures[ours] and figures.limit) then return "" end
  return ("%.2f"):format(figures[ours] / figures.limit)
end

local function print_row(list, work, figures, limited)
  local title, _, unit, format, _, goal = table.unpack(work)
  local cells = { title, unit }
  for _, program in ipairs(list.programs) do
    local figure = figures[program[1]]
    table.insert(cells, figure and format:format(figure) or "-")
  end
  if limited then table.insert(cells, ratio(figures, list.programs[1][1])) end
  table.insert(cells, goal or "")
  print(("| %s |"):format(table.concat(cells, " | ")))
end

--- Runs all works so often, programs in turn, and prints the table of medians.
function group.print(list, settings, runs)
  local commands, limited = commands_of(list, settings), has(list, "limit")
  print_head(list, limited)
  for _, work in ipairs(list.works) do
    print_row(list, work, figures_of(work, commands, runs), limited)
  end
end

return group
