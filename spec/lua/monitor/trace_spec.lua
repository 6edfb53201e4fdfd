-- The timeline of a pool as Chrome trace events, and as a page.
local parallel = require "parallel"
local files = require "spec.support.files"
local trace = require "parallel.monitor.trace"
local trials = require "spec.support.trials"

local count_to = trials.count_to

local function slow(x)
  local clock = require("parallel.core").clock
  local till = clock() + 0.001
  while clock() < till do end
  if x == 3 then error("three <b>") end
  if x == 4 then os.execute("kill -9 $PPID") end
  return x
end

local function open(options)
  options.workers = 2
  return parallel.Pool(options)
end

-- The events in the file as a list of tables, with numbers and plain strings only.
local function events_in(path)
  local list = {}
  for line in files.read(path):gmatch('{"ph"[^\n]*}') do
    local event = {line = line}
    for name, value in line:gmatch('"(%a+)":"([^"]*)"') do event[name] = event[name] or value end
    for name, value in line:gmatch('"(%a+)":([%d.]+)') do event[name] = event[name] or tonumber(value) end
    list[#list + 1] = event
  end
  return list
end

local function named(events, pattern)
  local found = {}
  for _, event in ipairs(events) do
    if event.name:find(pattern) then found[#found + 1] = event end
  end
  return found
end

-- A list of one-line objects, in brackets.
local function assert_valid_json(path)
  local text = files.read(path)
  local inside = text:match("^%[\n({.*})\n%]\n$")
  assert.is_truthy(inside, text)
  for line in (inside .. ",\n"):gmatch("([^\n]*)\n") do assert.match("^{.*},$", line) end
end

describe("a pool's trace", function()
  local path

  local function run(options)
    path = files.path("trace.json")
    local pool = open({trace = path, name = "kitchen", retries = 1})
    pool:map(slow, count_to(20), options)
    pool:close()
    return events_in(path)
  end

  it("has a slice for each task, in the row of its worker", function()
    local events = run({chunksize = 1, on_error = "collect"})
    for i = 1, 20 do
      local slices = named(events, ("^task %d$"):format(i))
      assert.equal(i == 4 and 2 or 1, #slices)
      for _, slice in ipairs(slices) do
        assert.is_true(slice.ph == "X" and slice.ts >= 0 and (slice.tid == 1 or slice.tid == 2))
        assert.is_true(i == 4 or slice.dur >= 1000)
      end
    end
  end)

  it("has a slice for each chunk besides", function()
    local events = run({chunksize = 10, on_error = "collect"})
    local chunks = named(events, "^tasks %d+ to %d+$")
    assert.is_true(#chunks >= 2)
    for _, chunk in ipairs(chunks) do assert.is_true(chunk.dur >= 1000) end
    assert.equal(1, #named(events, "^task 20$"))
  end)

  it("marks deaths, tasks that are run again, and failures", function()
    local events = run({chunksize = 5, on_error = "collect"})
    assert.equal(2, #named(events, "^worker %d %(pid %d+%) was killed by SIGKILL$"))
    assert.equal(1, #named(events, "^task 4 is run again$"))
    assert.equal("i", named(events, "^task 3 failed$")[1].ph)
    assert.equal(1, #named(events, "^task 4 failed$"))
  end)

  it("is whole JSON, whoever ended the pool", function()
    run({on_error = "collect"})
    assert_valid_json(path)
    local pool = open({trace = path})
    pool:submit(slow, 1)
    pool:terminate()
    assert_valid_json(path)
  end)

  it("shows what runs without workers too", function()
    path = files.path("trace.json")
    local pool = parallel.Pool({workers = 0, trace = path})
    pool:map(slow, {1, 2})
    pool:close()
    assert.equal(2, #named(events_in(path), "^task %d$"))
  end)

  it("must be a file that can be written", function()
    local message = trials.raised(open, {trace = "/nowhere/trace.json"})
    assert.equal("cannot write '/nowhere/trace.json': No such file or directory", message)
  end)
end)

describe("a trace", function()
  it("quotes what JSON asks for, and bytes that are no UTF-8", function()
    local path = files.path("trace.json")
    local made = trace.open(path, "a \"b\" \\ \n \1 é")
    made:instant(1, "\255", {n = 2, text = "x\ty"})
    made:close()
    made:close()
    local text = files.read(path)
    assert.match('"name":"a \\"b\\" \\\\ \\n \\u0001 é"', text, 1, true)
    assert.match('"name":"\\u00ff"', text, 1, true)
    assert.match('"args":{"n":2,"text":"x\\ty"}', text, 1, true)
  end)

  it("has whole lines at any time", function()
    local path = files.path("trace.json")
    local made = trace.open(path, "p")
    made.written = -1e9
    for i = 1, 100 do
      made:slice(1, ("long name "):rep(100), made.start, i)
      made.written = -1e9
    end
    local text = files.read(path)
    assert.match("^%[\n{", text)
    assert.match("}$", text)
    made:close()
  end)
end)

describe("a pool's report", function()
  local function report_of(f, items)
    local path = files.path("report.html")
    local pool = open({report = path, name = "<kitchen>"})
    pool:map(f, items, {chunksize = 3, on_error = "collect"})
    pool:close()
    return files.read(path)
  end

  it("shows the timeline, the load, the slowest tasks, and failures with their tracebacks", function()
    local page = report_of(slow, count_to(20))
    assert.match("<h1>&lt;kitchen&gt;</h1>\n<p>[%d :-]+: 20 tasks by 2 workers in [%d.]+ m?s,", page)
    assert.match('<rect class="chunk" ', page, 1, true)
    assert.match('<rect class="task" ', page, 1, true)
    assert.match("<td>worker 2</td><td class=n>%d+</td><td class=n>[%d.]+ ms</td>", page)
    assert.match("Slowest tasks</h2>.-<td>task %d+</td><td>worker %d</td><td class=n>[%d.]+ ms", page)
    assert.match("Failures %(2%)", page)
    assert.match("spec/lua/monitor/trace_spec.lua:%d+: three &lt;b&gt;</summary><pre>stack traceback:\n", page)
    assert.match("was killed by SIGKILL while running task 4</summary>", page)
  end)

  it("needs nothing from elsewhere", function()
    local page = report_of(slow, {1, 2})
    assert.is_nil(page:find("https?:"))
    assert.is_nil(page:find("src=", 1, true))
    assert.is_nil(page:find("<script", 1, true))
  end)

  it("says so when there was nothing to do", function()
    assert.match("0 tasks by 0 workers in [%d.]+ m?s, 0 s of work, 0 failed", report_of(slow, {}))
  end)
end)
