-- Jobs that neither combine nor reduce: what comes out is what was emitted, in its order.
local files = require("spec.support.files")
local parallel = require("parallel")
local trials = require("spec.support.trials")
local testing = require("parallel.core").testing

local function lines(n)
  local list = {}
  for i = 1, n do list[i] = ("line %d\n"):format(i) end
  return table.concat(list)
end

local TEXT = lines(30000) -- more than one split

local function echo(line, emit) emit(line) end

local function run(fields)
  local job = {map = echo, workers = 2}
  for name, value in pairs(fields) do job[name] = value end
  return parallel.mapreduce(job)
end

local function keys_of(fields)
  local result, list = run(fields), {}
  for key in result:pairs() do list[#list + 1] = key end
  result:close()
  return list
end

-- What it writes to a file.
local function written(fields)
  fields.output = files.path("out")
  run(fields):close()
  return files.read(fields.output)
end

describe("a job that only maps", function()
  for _, workers in ipairs({0, 1, 2, 3}) do
    it("keeps the order of its input with " .. workers .. " workers", function()
      assert.equal(TEXT, written({inputs = {files.write("a", TEXT)}, workers = workers}))
    end)
  end

  it("keeps the order of many small files", function()
    local paths, expected = {}, {}
    for i = 1, 300 do
      paths[i], expected[i] = files.write("f" .. i, i .. "\n"), i .. "\n"
    end
    assert.equal(table.concat(expected), written({inputs = paths}))
  end)

  it("may give its pairs as they come", function()
    local list = keys_of({values = trials.count_to(500), ordered = false})
    table.sort(list)
    assert.same(trials.count_to(500), list)
  end)

  it("gives as many pairs as were emitted, with their values", function()
    local result = run({values = {1, 2, 3}, map = function(n, emit)
      for i = 2, n do emit(n, {i}) end
    end})
    local list = {}
    for key, value in result:pairs() do list[#list + 1] = {key, value} end
    assert.same({{2, {2}}, {3, {2}}, {3, {3}}}, list)
    assert.equal(3, result:count())
    assert.same({2}, result:get(2))
    result:close()
  end)

  it("may emit nothing at all", function()
    local nothing = function() end
    assert.same({}, keys_of({values = {1, 2}, map = nothing}))
    assert.equal("", written({values = {1, 2}, map = nothing}))
  end)

  it("gives a key without a value the value 1", function()
    local result = run({values = {"a"}})
    assert.same({a = 1}, result:to_table())
    result:close()
  end)

  it("takes whole iterators", function()
    local function map(text, emit)
      emit:all(parallel.words(text))
      emit:all(text:gmatch("%d"), "digit")
      emit:all(text:gmatch("%d"))
    end
    assert.equal("one\ntwo\n1\tdigit\n2\tdigit\n1\n2\n", written({values = {"one 1 two 2"}, map = map}))
  end)

  it("refuses nil as a value", function()
    local failure = trials.raised(run, {values = {1}, map = function(n, emit) emit(n, nil) end})
    assert.match("cannot send nil", tostring(failure))
  end)

  it("refuses what cannot be a key", function()
    local failure = trials.raised(run, {values = {1}, map = function(_, emit) emit(print) end})
    assert.match("cannot emit key: expected a string, number, boolean or a list of them, got function",
      tostring(failure))
  end)

  it("sorts its pairs when it is asked to", function()
    local function map(word, emit) emit(word, #word) end
    local values = {"pear", "fig", "apple", "fig"}
    assert.equal("apple\t5\nfig\t3\nfig\t3\npear\t4\n", written({values = values, map = map, sort = "key"}))
    assert.equal("apple\t5\npear\t4\n", written({values = values, map = map, top = 2}))
    assert.equal("pear\nfig\nfig\napple\n", written({values = values, sort = "key desc"}))
  end)

  it("sorts what whole iterators give, too", function()
    local function map(text, emit)
      emit:all(parallel.words(text))
      emit:all(text:gmatch("%d"))
    end
    assert.equal("1\na\nb\n", written({values = {"b 1 a"}, map = map, sort = "key"}))
  end)

  it("can be sorted by values that were left out", function()
    assert.same({"a", "b"}, keys_of({values = {"b", "a"}, sort = "value"}))
  end)
end)

describe("a job that only maps, under faults", function()
  after_each(function() testing.fault(nil) end)

  local VALUES = trials.count_to(400)
  for _, plan in ipairs({
    "task.begin:kill@3", "task.done:kill@1", "task.done:kill@5", "result.begin:kill@4", "result.sent:kill@7",
    "sys.pwrite:killchild@3", "sys.pwrite:short@*", "sys.pread:short@*", "sys.fallocate:EOPNOTSUPP@*",
    "task.done:kill@3,task.done:kill@9,result.begin:kill@20,worker.ready:kill@3",
  }) do
    it("gives every pair once and in order with " .. plan, function()
      testing.fault(plan)
      assert.same(VALUES, keys_of({values = VALUES, retries = 3})) -- all three kills may hit one split
    end)
  end

  it("prints nothing twice when a split is mapped again after an error", function()
    local flag = files.path("failed")
    local function map(n, emit)
      emit(n)
      if n == 200 and not files.read(flag) then
        files.write("failed", "")
        error("once")
      end
    end
    assert.same(VALUES, keys_of({values = VALUES, map = map, retries = 1}))
  end)

  it("either is exact or says what is wrong, whichever allocation fails", function()
    for n = 1, 40, 3 do
      testing.fault(("sys.realloc:ENOMEM@%d"):format(n))
      local ok, made = pcall(keys_of, {values = {"a", "b"}, workers = 1})
      testing.fault(nil)
      if ok then assert.same({"a", "b"}, made)
      else assert.match("[Mm]emory", tostring(made)) end
    end
  end)
end)

describe("its output", function()
  local function map(pair, emit) emit(pair[1], pair[2]) end

  local function formatted(format, values)
    return written({values = values, map = map, format = format})
  end

  local PAIRS = {{"a,b", 'say "x"'}, {"tab\t", 1.5}, {{1, "k"}, {true, "x\ny"}}}

  it("is tsv", function()
    assert.equal('a,b\tsay "x"\ntab\\t\t1.5\n1 k\ttrue x\\ny\n', formatted("tsv", PAIRS))
  end)

  it("is csv, quoted where RFC 4180 says so", function()
    assert.equal('"a,b","say ""x"""\ntab\t,1.5\n1 k,"true x\ny"\n', formatted("csv", PAIRS))
  end)

  it("is raw: the value alone, on a line", function()
    assert.equal('say "x"\n1.5\ntrue x\ny\n', formatted("raw", PAIRS))
    assert.equal("whole\nlines\n", formatted("raw", {{1, "whole\n"}, {2, "lines\n"}}))
  end)

  it("is JSON", function()
    assert.equal('{"key": "tab\\t", "value": 1.5}\n', formatted("json", {PAIRS[2]}))
  end)

  it("is Lua, and reads back as the same pairs", function()
    local pairs_of = {{"a\0\n\"\\", 1}, {-5, 0.1}, {2.5, {x = {1, 2, {y = false}}, [3] = "t"}}, {true, "é"}}
    local text = formatted("lua", pairs_of)
    assert.match("^return {\n", text)
    assert.same(pairs_of, (loadstring or load)(text)())
  end)

  it("is valid Lua when it is empty", function()
    assert.same({}, (loadstring or load)(formatted("lua", {}))())
  end)

  it("of a text alone is that text, and ends its line", function()
    local text = "a\tb\r\nc"
    assert.equal(text .. "\n", written({values = {text}}))
    assert.equal("block\n", written({values = {"block\n"}}))
    assert.equal('"x,y"\n', written({values = {"x,y"}, format = "csv"}))
    assert.equal("x\n", written({values = {"x"}, format = "raw"}))
    assert.equal('{"key": "x", "value": 1}\n', written({values = {"x"}, format = "json"}))
  end)

  it("may begin each line with the input's name", function()
    local path = files.write("a", "x\ny\n")
    assert.equal(("%s\tx\n%s\ty\n"):format(path, path), written({inputs = {path}, tag = true}))
    assert.equal(path .. ",x\n", written({inputs = {files.write("a", "x")}, tag = true, format = "csv"}))
  end)
end)
