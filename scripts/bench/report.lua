-- report: rows and their runs as Markdown.

local measurement = require("measurement")

local report = {}

local function line(cells) print("| " .. table.concat(cells, " | ") .. " |") end

local function seconds(value)
  if value < 0.1 then return ("%.1f ms"):format(value * 1e3) end
  return ("%.2f s"):format(value)
end

local function megabytes(bytes) return ("%.0f MB"):format(bytes / 1e6) end

-- The columns that a table may have: a heading, and a row's cell given the row compared with.
local COLUMNS = {
  time = { "time", function(row) return seconds(measurement.of(row, "wall")) end },
  processor = {
    "processor",
    function(row) return seconds(measurement.of(row, "processor")) end,
  },
  peak = { "peak memory", function(row) return megabytes(measurement.of(row, "peak")) end },
  ratio = {
    "against the first",
    function(row, base) return ("%.2f"):format(measurement.ratio(row, base)) end,
  },
  size = { "size", function(row) return megabytes(row.size) end },
  per_byte = {
    "ns per byte",
    function(row) return ("%.2f"):format(measurement.of(row, "wall") * 1e9 / row.size) end,
  },
}

local function cell(column, row, base)
  if row.fault or column == COLUMNS.ratio and base.fault then return row.fault or "" end
  return column[2](row, base)
end

--- Prints a table of the rows with the columns named.
function report.table(title, rows, ...)
  local columns, headings, rule = {}, { "program", "processes" }, { "---", "---:" }
  for i, name in ipairs({ ... }) do
    columns[i] = COLUMNS[name]
    headings[i + 2], rule[i + 2] = columns[i][1], "---:"
  end
  print("\n" .. title .. "\n")
  line(headings)
  line(rule)
  for _, row in ipairs(rows) do
    local cells = { row.name, tostring(row.processes) }
    for i, column in ipairs(columns) do cells[i + 2] = cell(column, row, rows[1]) end
    line(cells)
  end
end

--- Prints a sentence below a table.
function report.note(...) print("\n" .. string.format(...)) end

return report
