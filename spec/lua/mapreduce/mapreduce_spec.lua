local files = require("spec.support.files")
local model = require("spec.support.model")
local parallel = require("parallel")
local core = require("parallel.core")
local testing = core.testing

-- Every pair of the result, and the result given back.
local function pairs_of(job)
  local result = parallel.mapreduce(job)
  local list = {}
  for key, value in result:pairs() do list[#list + 1] = {key, value} end
  assert.equal(#list, result:count())
  result:close()
  return list
end

local function table_of(job)
  local made = {}
  for _, pair in ipairs(pairs_of(job)) do
    assert.is_nil(made[pair[1]], "one key, two pairs")
    made[pair[1]] = pair[2]
  end
  return made
end

local function words_job(fields)
  local job = {
    map = function(line, emit)
      for word in parallel.words(line, "lower") do emit(word, 1) end
    end,
    combine = "sum",
  }
  for name, value in pairs(fields) do job[name] = value end
  return job
end

-- Larger than a few splits, so that every worker gets several.
local TEXT = model.text(1, 45000, 3000)
local COUNTS = model.word_count(TEXT)
local SMALL = model.text(2, 300, 100)
local SMALL_COUNTS = model.word_count(SMALL)

describe("a word count", function()
  for _, workers in ipairs({1, 2, 5}) do
    it("is exact with " .. workers .. " workers", function()
      local path = files.write("text", TEXT)
      assert.same(COUNTS, table_of(words_job({inputs = {path}, workers = workers})))
    end)
  end

  -- Each is given the files of all.
  for _, method in ipairs({"template", "spawn"}) do
    it("is exact with more files than pass at once, by " .. method, function()
      local path = files.write("text", SMALL)
      assert.same(SMALL_COUNTS, table_of(words_job({inputs = {path}, workers = 140, start_method = method})))
    end)
  end

  for _, records in ipairs({"line", "block", "paragraph", "file", " ", "wo"}) do
    it("does not depend on records, as in '" .. records .. "'", function()
      local path = files.write("text", SMALL)
      local separated = records == "wo" and model.word_count((SMALL:gsub("wo", " "))) or SMALL_COUNTS
      assert.same(separated, table_of(words_job({inputs = {path}, workers = 2, records = records})))
    end)
  end

  it("counts a file as often as it is named", function()
    local path = files.write("text", "a b a")
    assert.same({a = 4, b = 2}, table_of(words_job({inputs = {path, path}, workers = 2})))
  end)

  it("takes inputs from an iterator", function()
    local paths, i = {files.write("1", "a"), files.write("2", "a b")}, 0
    local function each()
      i = i + 1
      return paths[i]
    end
    assert.same({a = 2, b = 1}, table_of(words_job({inputs = each, workers = 2})))
  end)
end)

-- A line is a record of its own here, so that there are many tasks for faults to hit.
local function small_job(fields)
  local values = {}
  for line in SMALL:gmatch("[^\n]*\n") do values[#values + 1] = line end
  fields.values, fields.workers = values, fields.workers or 2
  return words_job(fields)
end

describe("a word count under faults", function()
  after_each(function() testing.fault(nil) end)

  local POINTS = {
    "child.gate", "child.armed", "worker.begin", "worker.ready", "task.read", "task.partly",
    "task.begin", "task.done", "result.begin", "result.sent",
  }
  for _, point in ipairs(POINTS) do
    for _, n in ipairs({1, 2, 3, 7, 50}) do
      it(("is exact with %s:kill@%d"):format(point, n), function()
        testing.fault(("%s:kill@%d"):format(point, n))
        assert.same(SMALL_COUNTS, table_of(small_job({})))
      end)
    end
  end

  for _, name in ipairs({"segv", "abort", "exit3", "exit0"}) do
    it("is exact with a worker that ends by " .. name, function()
      testing.fault("task.done:" .. name .. "@5")
      assert.same(SMALL_COUNTS, table_of(small_job({})))
    end)
  end

  -- The writes are those of commits first, then those of reduce tasks.
  for _, n in ipairs({1, 2, 3, 4, 5, 6, 8, 10}) do
    it(("is exact with a worker killed at its write %d of a run or an output"):format(n), function()
      testing.fault(("sys.pwrite:killchild@%d"):format(n))
      assert.same(SMALL_COUNTS, table_of(small_job({})))
    end)

    it(("is exact with a worker killed at read %d of a run"):format(n), function()
      testing.fault(("sys.pread:killchild@%d"):format(n))
      assert.same(SMALL_COUNTS, table_of(small_job({})))
    end)
  end

  for _, plan in ipairs({
    "task.done:kill@3,task.done:kill@9,result.begin:kill@20,worker.ready:kill@3",
    "sys.pwrite:killchild@2,task.begin:kill@130",
    "sys.read:short@*,sys.write:short@*,sys.recvmsg:short@*,sys.sendmsg:short@*", "sys.pread:short@*", "sys.pwrite:short@*",
    "sys.read:EINTR@2", "sys.pread:EINTR@1", "sys.pwrite:EINTR@1", "sys.epoll_wait:EINTR@3",
    "sys.pidfd_open:ENOSYS@*,sys.close_range:ENOSYS@*,sys.memfd_create:ENOSYS@*,sys.pwritev2:ENOSYS@*,"
      .. "sys.pidfd_send_signal:ENOSYS@*",
    "sys.pidfd_open:ENOSYS@*,task.done:kill@4",
    "sys.fork:EAGAIN@1", "sys.pipe2:EMFILE@2", "sys.socketpair:EMFILE@1", "sys.recvmsg:EINTR@2",
  }) do
    it("is exact with " .. plan, function()
      testing.fault(plan)
      assert.same(SMALL_COUNTS, table_of(small_job({retries = 3}))) -- all three kills may hit one split
    end)
  end

  it("of files is exact with a worker killed while it reads them", function()
    local path = files.write("text", SMALL)
    testing.fault("sys.pread:killchild@1")
    assert.same(SMALL_COUNTS, table_of(words_job({inputs = {path}, workers = 2})))
  end)

  it("either is exact or says what is wrong, whichever allocation fails", function()
    for n = 1, 60, 3 do
      testing.fault(("sys.realloc:ENOMEM@%d"):format(n))
      local ok, made = pcall(table_of, words_job({values = {"a b", "b"}, workers = 1}))
      testing.fault(nil)
      if ok then assert.same({a = 1, b = 2}, made)
      else assert.match("[Mm]emory", tostring(made)) end
    end
  end)
end)

-- ---- what combine, reduce, sort and top make of it -------------------------

local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = (i * 7919) % 1009 end
  return list
end

local KEYS = {
  strings = function(n) return "key " .. n % 13 end,
  integers = function(n) return n % 13 - 6 end,
  floats = function(n) return n % 13 / 4 + 0.125 end,
  booleans = function(n) return n % 2 == 0 end,
}

local SHAPES = {{1, 1}, {2, 1}, {2, 3}, {3, 8}}

describe("combine", function()
  for name, combine in pairs(model.combine) do
    for kind, key in pairs(KEYS) do
      it(name .. " of " .. kind .. " is that of a serial loop", function()
        local values = numbers(500)
        local function map(n, emit) emit(key(n), n) end
        local expected = {}
        for k, list in pairs(model.group(model.emit(map, values))) do expected[k] = combine(list) end
        for _, shape in ipairs(SHAPES) do
          local made = table_of({
            values = values, map = map, combine = name, workers = shape[1], partitions = shape[2],
          })
          if name == "list" then
            for k, list in pairs(made) do
              table.sort(list)
              table.sort(expected[k])
            end
          end
          assert.same(expected, made)
        end
      end)
    end
  end

  it("by a function is that of a serial loop", function()
    local function longer(a, b) return (#a > #b or (#a == #b and a < b)) and a or b end
    local values = {"pear", "apple", "fig", "banana", "cherry", "date"}
    local function map(s, emit) emit(#s % 2, s) end
    local made = table_of({values = values, map = map, combine = longer, workers = 3})
    assert.same({[0] = "banana", [1] = "apple"}, made)
  end)

  it("takes lists as keys", function()
    local made = pairs_of({
      values = {1, 2, 3, 4}, map = function(n, emit) emit({"is even", n % 2 == 0}, n) end,
      combine = "sum", sort = "key", workers = 2,
    })
    assert.same({{{"is even", false}, 4}, {{"is even", true}, 6}}, made)
  end)

  it("list keeps nested tables", function()
    local made = table_of({
      values = {1}, map = function(_, emit) emit("k", {a = {1, {b = "c"}}, [2] = false}) end,
      combine = "list", workers = 1,
    })
    assert.same({k = {{a = {1, {b = "c"}}, [2] = false}}}, made)
  end)
end)

describe("reduce", function()
  local function map(n, emit) emit(n % 5, n) end

  it("without combine is given all values by an iterator", function()
    local made = table_of({values = numbers(200), map = map, workers = 3, reduce = function(_, values)
      local sum, count = 0, 0
      for value in values do sum, count = sum + value, count + 1 end
      return {sum, count}
    end})
    local expected = {}
    for key, list in pairs(model.group(model.emit(map, numbers(200)))) do
      expected[key] = {model.combine.sum(list), #list}
    end
    assert.same(expected, made)
  end)

  it("after combine is given the combined value", function()
    local made = table_of({values = {1, 2, 6}, map = map, combine = "sum", workers = 2,
      reduce = function(key, sum) return key .. ":" .. sum end})
    assert.same({[1] = "1:7", [2] = "2:2"}, made)
  end)

  it("drops a key by returning nil", function()
    local made = table_of({values = {1, 2, 6}, map = map, combine = "sum", workers = 2,
      reduce = function(_, sum) return sum > 2 and sum or nil end})
    assert.same({[1] = 7}, made)
  end)

  it("emits as many pairs as it likes", function()
    local made = pairs_of({values = {1, 2, 6}, map = map, combine = "sum", workers = 2, sort = "key",
      reduce = function(key, sum, emit)
        emit(key, sum)
        emit("all", sum)
        emit(key + 100)
      end})
    assert.same({{1, 7}, {2, 2}, {101, 1}, {102, 1}}, {made[1], made[2], made[3], made[4]})
    assert.equal(6, #made)
    assert.equal(9, made[5][2] + made[6][2])
  end)

  it("may give tables", function()
    local made = table_of({values = {1}, map = map, combine = "sum", workers = 1,
      reduce = function(key, sum) return {key = key, deep = {sum}} end})
    assert.same({[1] = {key = 1, deep = {1}}}, made)
  end)
end)

describe("sort", function()
  local VALUES = numbers(300)
  local function map(n, emit) emit(n % 50, n % 3) end

  local expected = {}
  for key, list in pairs(model.group(model.emit(map, VALUES))) do
    expected[#expected + 1] = {key, model.combine.sum(list)}
  end
  -- Equal values stand in key order.
  local ORDERS = {
    ["key"] = function(a, b) return a[1] < b[1] end,
    ["key desc"] = function(a, b) return a[1] > b[1] end,
    ["value"] = function(a, b) return a[2] < b[2] or (a[2] == b[2] and a[1] < b[1]) end,
    ["value desc"] = function(a, b) return a[2] > b[2] or (a[2] == b[2] and a[1] < b[1]) end,
  }
  for order, before in pairs(ORDERS) do
    for _, shape in ipairs(SHAPES) do
      it(("by %s with %d workers and %d partitions"):format(order, shape[1], shape[2]), function()
        table.sort(expected, before)
        local job = {
          values = VALUES, map = map, combine = "sum", sort = order,
          workers = shape[1], partitions = shape[2],
        }
        assert.same(expected, pairs_of(job))
        job.top = 7
        assert.same({(unpack or table.unpack)(expected, 1, 7)}, pairs_of(job))
      end)
    end
  end

  it("is by the greatest values when only top is given", function()
    table.sort(expected, ORDERS["value desc"])
    assert.same({expected[1], expected[2]},
      pairs_of({values = VALUES, map = map, combine = "sum", top = 4 / 2, workers = 2}))
  end)

  it("puts kinds of keys in one order", function()
    local keys = {"b", 2, true, {1}, "a", 1.5, false}
    local made = pairs_of({values = {1}, combine = "sum", sort = "key", workers = 1,
      map = function(_, emit) for _, key in ipairs(keys) do emit(key) end end})
    assert.same({{false, 1}, {true, 1}, {1.5, 1}, {2, 1}, {"a", 1}, {"b", 1}, {{1}, 1}}, made)
  end)

  it("takes a top larger than what there is", function()
    assert.equal(2, #pairs_of({values = {1, 2}, map = function(n, emit) emit(n) end, combine = "sum", top = 9,
      workers = 2}))
  end)
end)

-- ---- the functions of a job ------------------------------------------------

describe("a job", function()
  it("takes values from an iterator, strings too", function()
    local made = table_of({values = ("a b a"):gmatch("%a"), map = function(s, emit) emit(s) end,
      combine = "sum", workers = 2})
    assert.same({a = 2, b = 1}, made)
  end)

  it("may have no values", function()
    assert.same({}, pairs_of({values = {}, map = print, combine = "sum", workers = 2}))
  end)

  it("tells map where a record stands", function()
    local path = files.write("text", "one\ntwo\n")
    local made = pairs_of({inputs = {path}, combine = "count", sort = "key", workers = 1,
      map = function(line, emit, info) emit({line, info.path, info.offset, info.index}) end})
    assert.same({{{"one", path, 0, 1}, 1}, {{"two", path, 4, 1}, 1}}, made)
  end)

  it("runs map_begin and map_end around each piece", function()
    local seen
    local path = files.write("text", "one\ntwo\n")
    local made = table_of({inputs = {path}, combine = "sum", workers = 1,
      map_begin = function(info) seen = info.path end,
      map = function(_, emit) emit("lines") end,
      map_end = function(emit) emit(seen, 10) end})
    assert.same({lines = 2, [path] = 10}, made)
  end)

  it("runs before and after in this process", function()
    local steps = {}
    local result = parallel.mapreduce({
      values = {1}, combine = "sum", workers = 1,
      before = function() steps[1] = "before" end,
      map = function(n, emit)
        steps[#steps + 1] = "not here"
        emit(n)
      end,
      after = function(made) steps[#steps + 1] = "after " .. made:count() end,
    })
    result:close()
    assert.same({"before", "after 1"}, steps)
  end)

  it("that fails raises a Failure", function()
    local ok, failure = pcall(parallel.mapreduce, {
      values = {1, 2}, combine = "sum", workers = 1,
      map = function(n) if n == 2 then error("two is unlucky") end end,
    })
    assert.is_false(ok)
    assert.is_true(parallel.is_failure(failure, "error"))
    assert.match("^values%[2%.%.2%]: .*mapreduce_spec.lua:%d+: two is unlucky$", tostring(failure))
    assert.match("mapreduce_spec.lua:%d+: in ", failure.traceback)
    assert.not_match("parallel/", failure.traceback)
  end)

  it("maps a piece again after an error when it may, and counts nothing twice", function()
    local flag, values = files.path("failed"), numbers(100)
    local made = table_of({values = values, combine = "count", workers = 2, retries = 1,
      map = function(n, emit)
        emit("all")
        if n == values[50] and not files.read(flag) then
          files.write("failed", "")
          error("once")
        end
        emit("whole")
      end})
    assert.same({all = 100, whole = 100}, made)
    assert.equal("", files.read(flag))
  end)

  it("charges a piece for its own errors only, not for the end of its worker after another's", function()
    local values = {}
    for i = 1, 60 do values[i] = i end
    local made = table_of({values = values, combine = "sum", workers = 1, retries = 1,
      map = function(n, emit)
        emit("n", n)
        for _ = 1, 200000 do end -- so that the next piece is under way when its worker is killed
        if files.read(files.path("failed." .. n)) then return end
        files.write("failed." .. n, "")
        error("each fails once")
      end})
    assert.same({n = 60 * 61 / 2}, made)
  end)

  it("is told what failed when all its retries did", function()
    local values = numbers(300)
    local ok, failure = pcall(parallel.mapreduce, {
      values = values, combine = "count", workers = 1, retries = 2,
      map = function(n, emit)
        emit(n)
        if n == values[50] then error("always") end
      end,
    })
    assert.is_false(ok)
    assert.equal("error", failure.kind)
    assert.equal(3, failure.attempts)
  end)

  for _, case in ipairs({
    {{combine = "sum"}, "'map' must be a function, got nil"},
    {{map = print, combine = "sum", workers = 1.5}, "'workers' must be a whole number, got 1.5"},
  }) do
    it("is refused at the caller's line: " .. case[2], function()
      local _, message = pcall(function() parallel.mapreduce(case[1]) end)
      assert.match("^[^\n]*mapreduce_spec.lua:%d+: bad job: ", message)
      assert.match(case[2], message, 1, true)
    end)
  end

  it("must be a table", function()
    local _, message = pcall(function() parallel.mapreduce("x") end)
    assert.match("mapreduce_spec.lua:%d+: bad argument #1 to 'mapreduce' %(table expected, got string%)$",
      message)
  end)
end)
