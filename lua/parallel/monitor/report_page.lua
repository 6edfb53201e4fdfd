--- report_page: a report (see parallel.monitor.report) as HTML.
local report_page = {}

local WIDTH, ROW, BAR = 1000, 26, 18 -- of the timeline, in its own units

local STYLE = [[
:root { color-scheme: light dark; --text: #1f2328; --faint: #656d76; --page: #fff; --line: #d0d7de;
  --chunk: #9ec5ef; --task: #2f74c0; --bad: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --faint: #8d96a0; --page: #0d1117;
  --line: #30363d; --chunk: #1f3d5c; --task: #58a6ff; --bad: #f85149; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
  max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p, caption { color: var(--faint); margin: 0; }
svg { width: 100%; height: auto; display: block; }
svg text { font-size: 12px; fill: var(--faint); }
.chunk { fill: var(--chunk); } .task { fill: var(--task); } .mark { stroke: var(--bad); stroke-width: 2; }
.axis { stroke: var(--line); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
meter { width: 12rem; max-width: 30vw; }
summary { cursor: pointer; color: var(--bad); overflow-wrap: anywhere; }
pre { overflow-x: auto; margin: .25rem 0 1rem; padding: .5rem; border: 1px solid var(--line); }
]]

local ENTITIES = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;"}

local function text(value) return (tostring(value):gsub('[&<>"]', ENTITIES)) end

local UNITS = {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}}

local function duration(seconds)
  for _, unit in ipairs(UNITS) do
    if seconds >= unit[1] then return ("%.3g %s"):format(seconds / unit[1], unit[2]) end
  end
  return "0 s"
end

-- ---- the timeline ---------------------------------------------------------

local LEFT = 80 -- for the rows' names

local RECTANGLE = '<rect class="%s" x="%.2f" y="%d" width="%.2f" height="%d"><title>%s: %s</title></rect>\n'
local MARK = '<line class="mark" x1="%.2f" y1="%d" x2="%.2f" y2="%d"><title>%s</title></line>\n'
local TICK = '<line class="axis" x1="%.1f" y1="0" x2="%.1f" y2="%d"/>' ..
  '<text x="%.1f" y="%d" text-anchor="%s">%s</text>\n'

local function scale(report) return (WIDTH - LEFT) / math.max(report.seconds, 1e-9) end

local function draw_slices(out, report, list, class)
  local unit = scale(report)
  for _, slice in ipairs(list) do
    out[#out + 1] = RECTANGLE:format(
      class, LEFT + slice.start * unit, slice.worker * ROW + (ROW - BAR) / 2,
      math.max(slice.seconds * unit, 0.3), BAR, text(slice.name), duration(slice.seconds))
  end
end

local function draw_marks(out, report)
  local unit = scale(report)
  for worker = 0, report.last do
    for _, mark in ipairs(report.rows[worker] and report.rows[worker].marks or {}) do
      local x = LEFT + mark.at * unit
      out[#out + 1] = MARK:format(x, worker * ROW, x, (worker + 1) * ROW, text(mark.name))
    end
  end
end

local function draw_axis(out, report)
  local bottom = (report.last + 1) * ROW
  for i = 0, 4 do
    local x = LEFT + (WIDTH - LEFT) * i / 4
    local anchor = i == 4 and "end" or i == 0 and "start" or "middle"
    out[#out + 1] = TICK:format(x, x, bottom, x, bottom + 14, anchor, duration(report.seconds * i / 4))
  end
end

local function timeline(out, report)
  out[#out + 1] = ('<h2>Timeline</h2>\n<svg viewBox="0 0 %d %d" role="img" aria-label="Timeline">\n'):format(
    WIDTH, (report.last + 1) * ROW + 20)
  draw_axis(out, report)
  for worker = 0, report.last do
    out[#out + 1] = ('<text x="0" y="%d">%s</text>\n'):format(
      worker * ROW + ROW / 2 + 4, worker == 0 and "owner" or "worker " .. worker)
  end
  draw_slices(out, report, report.chunks, "chunk")
  draw_slices(out, report, report.tasks, "task")
  draw_marks(out, report)
  out[#out + 1] = "</svg>\n"
end

-- ---- the tables -----------------------------------------------------------

local function load_table(out, report)
  out[#out + 1] = "<h2>Load</h2>\n<table><tr><th>Worker</th><th class=n>Tasks</th>" ..
    "<th class=n>Busy</th><th>Share</th></tr>\n"
  for worker = 1, report.last do
    local row = report.rows[worker] or {tasks = 0, busy = 0}
    local share = math.min(1, row.busy / math.max(report.seconds, 1e-9))
    out[#out + 1] = ('<tr><td>worker %d</td><td class=n>%d</td><td class=n>%s</td>' ..
      '<td><meter value="%.3f"></meter> %.0f %%</td></tr>\n'):format(
      worker, row.tasks, duration(row.busy), share, share * 100)
  end
  out[#out + 1] = "</table>\n"
end

local function slowest_table(out, report)
  if #report.slowest == 0 then return end
  out[#out + 1] = "<h2>Slowest tasks</h2>\n<table><tr><th>Task</th><th>Worker</th>" ..
    "<th class=n>Time</th></tr>\n"
  for _, slice in ipairs(report.slowest) do
    out[#out + 1] = ("<tr><td>%s</td><td>worker %d</td><td class=n>%s</td></tr>\n"):format(
      text(slice.name), slice.worker, duration(slice.seconds))
  end
  out[#out + 1] = "</table>\n"
end

-- One that is much larger than the others has its worker work on alone.
local function skew(out, report)
  if report.records == 0 then return end
  local largest = report.largest
  out[#out + 1] = ("<h2>Partitions</h2>\n<p>%d partitions of %d records: the largest, reduce %d, has %d, " ..
    "%.1f times the mean</p>\n"):format(report.partitions, report.records, largest.number, largest.records,
    largest.records * report.partitions / report.records)
end

local function failures(out, report)
  if report.failures == 0 then return end
  out[#out + 1] = ("<h2>Failures (%d)</h2>\n"):format(report.failures)
  for _, failed in ipairs(report.failed_tasks) do
    local traceback = failed.traceback and failed.traceback ~= "" and failed.traceback or "no traceback"
    out[#out + 1] = ("<details><summary>%s</summary><pre>%s</pre></details>\n"):format(
      text(failed), text(traceback))
  end
  local left = report.failures - #report.failed_tasks
  if left > 0 then out[#out + 1] = ("<p>and %d more</p>\n"):format(left) end
end

local function totals(report)
  local tasks, busy = 0, 0
  for worker = 1, report.last do
    local row = report.rows[worker]
    if row then tasks, busy = tasks + row.tasks, busy + row.busy end
  end
  return tasks, busy
end

--- The page, as text.
function report_page.render(report)
  local tasks, busy = totals(report)
  local out = {
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n',
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
    ("<title>%s</title>\n<style>\n%s</style></head><body>\n"):format(text(report.title), STYLE),
    ("<h1>%s</h1>\n<p>%s: %d tasks by %d workers in %s, %s of work, %d failed</p>\n"):format(
      text(report.title), report.date, tasks, report.last, duration(report.seconds), duration(busy),
      report.failures),
  }
  timeline(out, report)
  load_table(out, report)
  slowest_table(out, report)
  skew(out, report)
  failures(out, report)
  out[#out + 1] = "</body></html>\n"
  return table.concat(out)
end

return report_page
