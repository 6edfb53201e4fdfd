-- Where data go through the core, one call fails: of the system, or for room in a buffer. What comes out
-- is right, or says why not.
local core = require "parallel.core"
local files = require "spec.support.files"
local parallel = require "parallel"
local shuffle = require "spec.support.shuffle"
local testing = core.testing
local watchdog = require "spec.support.watchdog"
local unpack = table.unpack or unpack

local PAIRS = {
  {"a", 1}, {"b,", "x\ty"}, {"a", 2.5}, {"c\0", {1, "two"}}, {true, false}, {"b,", ("long"):rep(9)},
  {-7, {x = {y = "z"}}}, {"a", 2}, {{1, "k"}, "\"q\""}, {0.25, {}}, {"a", "b\0c"},
}

local function numbers()
  local list = {}
  for i = 1, 40 do list[i] = {i % 3 == 0 and "a" or i % 7, i} end
  return list
end

-- A word many times over is known by its number.
local function words()
  local list = {}
  for i = 1, 300 do list[i] = {"k" .. i % 2, i % 5 == 0 and i or "w" .. i % 11} end
  return list
end

local POINTS = {
  ["buffer.reserve"] = "ENOMEM", ["sys.realloc"] = "ENOMEM", ["sys.mmap"] = "ENOMEM",
  ["sys.memfd_create"] = "EMFILE", ["sys.fstat"] = "EIO", ["sys.ftruncate"] = "EIO", ["sys.open"] = "EMFILE",
  ["sys.fallocate"] = "ENOSPC", ["sys.pread"] = "EIO", ["sys.pwrite"] = "EIO", ["sys.read"] = "EIO",
  ["sys.fsync"] = "EIO", ["sys.rename"] = "EIO", ["sys.linkat"] = "EIO", ["sys.unlink"] = "EIO",
  ["sys.lstat"] = "EIO", ["sys.fcntl"] = "EINVAL", ["sys.write"] = "EIO",
}

local REASONS = {
  "[Mm]emory", "Too many open files", "Input/output error", "No space left", "Invalid argument",
}

local function says_why(problem)
  for _, reason in ipairs(REASONS) do
    if tostring(problem):find(reason) then return true end
  end
end

-- scenario() once for each time that it comes to the point, which fails that time; of those after the
-- first so many a sample.
-- What it needs is made by prepare(), and closed afterwards.
local function fail_each_at(point, scenario, prepare, all)
  local n, acted, expected = 0
  repeat
    local plan = ("%s:%s@%d"):format(point, POINTS[point], n)
    local things = prepare and prepare() or {}
    watchdog.hear(plan)
    testing.fault(n > 0 and plan or nil)
    local ok, result = pcall(scenario, unpack(things))
    acted = testing.fault_acted()
    testing.fault(nil)
    for _, thing in ipairs(things) do thing:close() end
    if n == 0 then expected, acted = result, 1 end
    if ok then assert.same(expected, result, plan)
    elseif not says_why(result) then error(plan .. ": " .. tostring(result), 0) end
    n = n + (n < (all or 60) and 1 or math.ceil(n / 4))
  until acted == 0
  return n
end

local function fail_each(scenario, prepare, all)
  for point in pairs(POINTS) do fail_each_at(point, scenario, prepare, all) end
  assert.is_true(fail_each_at("buffer.reserve", scenario, prepare, all) > 3)
end

describe("when a call fails,", function()
  after_each(function() testing.fault(nil) end)

  for _, format in ipairs({"raw", "tsv", "json", "csv", "lua"}) do
    it("a result is written as " .. format .. ", or not", function()
      fail_each(function() return shuffle.text({PAIRS}, {combine = "first", format = format}) end, nil, 1000)
      fail_each(function() return shuffle.text({PAIRS}, {combine = "set", format = format}) end, nil, 1000)
      fail_each(function() return shuffle.text({words()}, {combine = "hist", format = format}) end)
    end)
  end

  for _, combine in ipairs({"sum", "count", "mean", "min", "max", "first", "last", "top:3"}) do
    it("pairs are combined by " .. combine .. ", or not", function()
      fail_each(function() return shuffle.run({numbers(), numbers()}, {combine = combine}) end, nil, 400)
    end)
  end

  for _, combine in ipairs({"list", "set", "hist"}) do
    it("pairs are combined by " .. combine .. ", or not", function()
      fail_each(function() return shuffle.run({words(), words()}, {combine = combine}) end)
      fail_each(function() return shuffle.text({PAIRS, PAIRS}, {combine = combine, format = "lua"}) end, nil, 1000)
    end)
  end

  -- Where there is no memory for a dictionary.
  for _, combine in ipairs({"set", "hist"}) do
    it("pairs are combined by " .. combine .. ", spelled out, or not", function()
      local options = {combine = combine, memory = 64, format = "lua"}
      fail_each(function() return shuffle.text({words(), PAIRS}, options) end)
      fail_each(function() return shuffle.text({PAIRS, PAIRS}, options) end, nil, 1000)
    end)
  end

  it("pairs are combined by a function, or not", function()
    local function longer(a, b) return #tostring(a) > #tostring(b) and a or b end
    fail_each(function() return shuffle.run({numbers(), words()}, {combine = longer}) end)
  end)

  it("a key is found in runs, or not", function()
    local runs, file = shuffle.emit({PAIRS, numbers()}, {combine = "count", partitions = 1})
    fail_each(function()
      return {core.key_of_runs(runs, 0, 2), #core.moved_run(runs[1], file:fd()), core.verify_run(runs[2]) or error("memory")}
    end)
    file:close()
  end)

  it("results are sorted, or not", function()
    for _, order in ipairs({{sort = "key"}, {sort = "value", desc = true}, {top = 2}}) do
      order.combine = "sum"
      fail_each(function() return shuffle.run({numbers(), numbers()}, order) end)
    end
  end)

  it("values cross, or not", function()
    local value = {1, 2.5, "text", {nested = {true, false}}, ("x"):rep(500), print, function() return PAIRS end}
    local function same(x) return x[3] .. #x[5] .. x[4].nested[1] end
    value[4].nested[1] = "n"
    fail_each(function() return same(core.decode_trusted(core.encode_trusted(value))) end)
    local queue = parallel.Queue()
    fail_each(function()
      local put = queue:put(value)
      return put and same(queue:get())
    end)
  end)

  local function words_of(line, emit) for word in line:gmatch("%a+") do emit(word, 1) end end

  -- In this process.
  local function job(fields)
    return function()
      fields.workers, fields.map, fields.combine = 0, words_of, fields.combine or "sum"
      local result = parallel.mapreduce(fields)
      local counts = {}
      for key, value in result:pairs() do counts[#counts + 1] = {key, value} end
      result:close()
      return counts
    end
  end

  local TEXT = ("the quick brown fox\njumps over the lazy dog\n"):rep(20)

  it("a job is done, or not", function()
    local path = files.write("text", TEXT)
    fail_each(job({inputs = {path, path}, sort = "key"}))
    fail_each(job({inputs = {path}, sort = "value", top = 3, partitions = 2}))
  end)

  it("a job with a journal is done, or not", function()
    local path, n = files.write("text", TEXT), 0
    local function once()
      n = n + 1
      local journal = ("%s/journal%d"):format(os.getenv("TMPDIR"), n)
      local run = job({inputs = {path}, sort = "key", journal = journal})
      local ok, first = pcall(run)
      testing.fault(nil)
      local second = run()
      os.remove(journal)
      if ok then assert.same(second, first) end
      return second
    end
    for point in pairs(POINTS) do fail_each_at(point, once) end
  end)

  -- More than 256 KiB, in runs of several keys.
  local function emit_much(i, emit)
    for j = 1, 20 do emit(("a key that is not short %d"):format((i * 7919 + j * 104729) % 601), i % 50) end
  end

  for _, combine in ipairs({"sum", "set"}) do
    it("a job that spills is done by " .. combine .. ", or not", function()
      fail_each(function()
        local result = parallel.mapreduce({
          workers = 0, memory = "256K", map = emit_much, combine = combine, sort = "key",
          values = (function() local t = {} for i = 1, 300 do t[i] = i end return t end)(),
        })
        local all = {}
        for key, value in result:pairs() do all[#all + 1] = {key, value} end
        result:close()
        return all
      end, nil, 10)
    end)
  end

  it("packed input is read, or not", function()
    local path = files.write("text", TEXT)
    if os.execute(("gzip -kf '%s'"):format(path)) == nil then pending("gzip is needed") end
    fail_each(job({inputs = {path .. ".gz"}, sort = "key"}))
  end)

  it("messages cross pipes, sealed or not, or not at all", function()
    local message = {"text", ("x"):rep(3000), {1, 2, 3}}
    fail_each(function(a, b)
      a:send(message)
      return b:recv(0) or error("Input/output error", 0)
    end, function() return {parallel.Pipe()} end)
    fail_each(function(a, raw_a, b, raw_b)
      a:send(message)
      raw_b:write(raw_a:read() or "")
      return b:recv(0) or error("Input/output error", 0)
    end, function() return {testing.sealed_ends("key")} end)
  end)
end)
