-- measurement: run commands in turn, and what comes of the figures.

local measurement = {}

--- What a shell command prints, without its last newline; nil when it fails.
function measurement.output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  return pipe:close() and (text:gsub("\n$", "")) or nil
end

-- measure.c prints: wall seconds, processor seconds, peak bytes, exit status.
local function run(row, flag)
  local line = assert(measurement.output_of(("./measure %s -o out %s"):format(flag, row.command)))
  local figures = {}
  for figure in line:gmatch("%S+") do figures[#figures + 1] = tonumber(figure) end
  return { wall = figures[1], processor = figures[2], peak = figures[3], status = figures[4] }
end

local function fault_of(result, answer)
  if result.status ~= 0 then return "failed with status " .. result.status end
  if answer and not os.execute("cmp -s out " .. answer) then return "gave another answer" end
end

--- Runs every row once to warm up and then so many times, A B C A B C ..., so
-- that a change of the machine's speed meets them all. Fills in row.runs and,
-- for a row that failed or differed from the file `answer`, row.fault: it is
-- not run again. `flag` is one for measure.c.
function measurement.rounds(rows, count, answer, flag)
  for _, row in ipairs(rows) do row.runs = {} end
  for round = 0, count do
    for _, row in ipairs(rows) do
      if not row.fault then
        local result = run(row, flag or "")
        row.fault = fault_of(result, answer)
        row.runs[round] = result -- the warm-up is number 0, which # and ipairs pass over
      end
    end
  end
  os.remove("out")
end

function measurement.median(values)
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  return (sorted[math.ceil(#sorted / 2)] + sorted[math.floor(#sorted / 2) + 1]) / 2
end

--- The medians of so many figures that each command prints, by its name; nil for what fails.
function measurement.medians(list, runs)
  local figures = {}
  for name in pairs(list) do figures[name] = {} end
  for _ = 1, runs do
    for name, command in pairs(list) do
      local figure = figures[name] and tonumber(measurement.output_of(command .. " 2>/dev/null"))
      if figure then table.insert(figures[name], figure) else figures[name] = nil end
    end
  end
  for name, values in pairs(figures) do figures[name] = measurement.median(values) end
  return figures
end

--- The median of a field ("wall", "processor", "peak") over a row's runs.
function measurement.of(row, field)
  local values = {}
  for i, result in ipairs(row.runs) do values[i] = result[field] end
  return measurement.median(values)
end

--- How many times as long a row takes as another: the median over the rounds.
function measurement.ratio(row, other)
  local values = {}
  for i, result in ipairs(row.runs) do values[i] = result.wall / other.runs[i].wall end
  return measurement.median(values)
end

return measurement
