-- Jobs that have less memory than data: what they give is what they give with plenty.
local files = require("spec.support.files")
local parallel = require("parallel")
local shell = require("spec.support.shell")
local trials = require("spec.support.trials")
local testing = require("parallel.core").testing

local LITTLE = "256K"

local function sorted(list)
  table.sort(list, function(a, b) return tostring(a) < tostring(b) end)
  return list
end

-- About 60 bytes of intermediate data for each pair, 20 pairs for each value.
local function map(i, emit)
  for j = 1, 20 do
    emit(("a key that is not short %d"):format((i * 7919 + j * 104729) % 3001), ("value %d"):format((i * j) % 50))
  end
end

local function map_numbers(i, emit)
  for j = 1, 20 do emit(("a key that is not short %d"):format((i * 7919 + j * 104729) % 3001), i * j) end
end

local function longest(a, b) return #a >= #b and (#a > #b or a > b) and a or b end

local function count_and_last(_, values)
  local n, last = 0, ""
  for value in values do n, last = n + 1, value > last and value or last end
  return {n, last}
end

-- What jobs can do with their pairs, by name.
local JOBS = {
  sum = {map = map_numbers, combine = "sum"},
  mean = {map = map_numbers, combine = "mean"},
  max = {map = map_numbers, combine = "max"},
  first = {map = map, combine = "first"},
  ["top:3"] = {map = map_numbers, combine = "top:3"},
  list = {map = map, combine = "list", reduce = function(_, list) return table.concat(sorted(list), ",") end},
  set = {map = map, combine = "set"},
  hist = {map = map, combine = "hist"},
  ["a function"] = {map = map, combine = longest},
  ["an iterator"] = {map = map, reduce = count_and_last},
  ["a sort"] = {map = map, sort = "key"},
  ["values in their order"] = {map = map_numbers, combine = "sum", sort = "value desc", top = 100},
}

local function pairs_of(fields, changes)
  local job = {values = trials.count_to(1500), workers = 2}
  for name, value in pairs(fields) do job[name] = value end
  for name, value in pairs(changes or {}) do job[name] = value end
  job.sort = job.sort or "key"
  local result = parallel.mapreduce(job)
  local list = {}
  for key, value in result:pairs() do list[#list + 1] = {key, value} end
  result:close()
  return list, result.stats
end

describe("a job with little memory", function()
  after_each(function() testing.fault(nil) end)

  for name, job in pairs(JOBS) do
    it("gives the same results, as for " .. name, function()
      local wanted = pairs_of(job)
      testing.fault("depot.disk:delay0@*")
      for _, changes in ipairs({{workers = 0}, {workers = 1, partitions = 1}, {workers = 3, partitions = 5}}) do
        changes.memory = LITTLE
        assert.same(wanted, (pairs_of(job, changes)))
      end
      assert.is_true(testing.fault_acted() > 3, "nothing went to disk")
    end)
  end

  describe("whose workers are killed while they", function()
    -- More in one split than fits.
    local big = {sort = "key", values = trials.count_to(20), map = function(i, emit)
      for j = 1, 2000 do emit(("a key that is not short %d"):format((i * 7919 + j * 104729) % 3001), i * j) end
    end}
    for what, point in pairs({
      ["spill in the middle of a split"] = "emitter.spill:killchild@3",
      ["go to disk"] = "depot.disk:killchild@2",
      ["begin to write a run"] = "run.commit:killchild@4",
      ["have written a run"] = "run.committed:killchild@9",
      ["begin to merge runs"] = "narrow.merge:killchild@2",
      ["have merged runs"] = "narrow.merged:killchild@1",
    }) do
      it(what .. " gives the same results", function()
        local wanted = pairs_of(big)
        testing.fault(point)
        local found, stats = pairs_of(big, {memory = LITTLE, partitions = 1})
        assert.equal(1, testing.fault_acted())
        assert.equal(1, stats.deaths)
        assert.same(wanted, found)
      end)
    end
  end)

  it("gives the same sets when a worker is killed while it spells them out", function()
    local function distinct(i, emit)
      for j = 1, 20 do emit((i + j) % 5, ("value %d.%d"):format(i, j)) end
    end
    local wanted = pairs_of({map = distinct, combine = "set"})
    testing.fault("spelling.write:killchild@2")
    local found, stats = pairs_of({map = distinct, combine = "set"}, {memory = LITTLE})
    assert.equal(1, stats.deaths)
    assert.same(wanted, found)
  end)

  it("streams the values of one key that has more than memory holds", function()
    local job = {
      map = function(i, emit)
        for _ = 1, 20 do emit("k", ("x"):rep(100) .. i) end
      end,
      reduce = function(_, values)
        local bytes, most = 0, 0
        for value in values do
          bytes = bytes + #value
          if bytes % 1000 < 101 then most = math.max(most, collectgarbage("count")) end
        end
        return bytes
      end,
    }
    local bytes = 0
    for i = 1, 1500 do bytes = bytes + 20 * (100 + #tostring(i)) end
    assert.is_true(bytes > 10 * 256 * 1024)
    assert.same({{"k", bytes}}, (pairs_of(job, {memory = LITTLE})))
  end)

  it("takes a value that is larger than all of its memory", function()
    local job = {map = function(i, emit) emit(i % 2, ("%d "):format(i):rep(200000)) end, combine = "max",
                 values = {1, 2, 3, 4}}
    assert.same({{0, ("4 "):rep(200000)}, {1, ("3 "):rep(200000)}}, (pairs_of(job, {memory = LITTLE})))
  end)

  it("keeps the order of what it only maps", function()
    local list = {}
    local result = parallel.mapreduce({values = trials.count_to(300), workers = 3, memory = LITTLE,
      map = function(i, emit) emit(("%d "):format(i):rep(1000), i) end})
    for _, i in result:pairs() do list[#list + 1] = i end
    result:close()
    assert.same(trials.count_to(300), list)
  end)
end)

describe("a disk that fails a job", function()
  after_each(function() testing.fault(nil) end)

  local function problem_of(changes)
    changes.memory = LITTLE
    return tostring(trials.raised(pairs_of, JOBS["a sort"], changes))
  end

  -- Which write it is depends on who is quick: one to memory has no folder to name.
  for errno, text in pairs({ENOSPC = "No space left on device", EIO = "Input/output error"}) do
    it("is told with its reason and the folder, as " .. text, function()
      testing.fault(("sys.pwrite:%s@40+"):format(errno))
      local problem = problem_of({tmpdir = files.folder("spill")})
      assert.matches("cannot write a run.*: " .. text, problem)
      local folder = problem:match("cannot write a run in '(.-)':")
      assert.is_true(folder == nil or folder == files.path("spill"))
    end)
  end

  it("is told although map catches what emit raises", function()
    testing.fault("sys.pwrite:ENOSPC@40+")
    assert.matches("No space left on device", problem_of({map = function(i, emit)
      for j = 1, 20 do pcall(emit, ("a key %d.%d"):format(i, j), j) end
    end}))
  end)

  it("is told when nothing can be read from it", function()
    testing.fault("sys.pread:EIO@9+")
    assert.matches("cannot .*: Input/output error", problem_of({}))
  end)

  it("is told when there is no such folder", function()
    assert.matches("cannot spill to '/nowhere': No such file or directory", problem_of({tmpdir = "/nowhere"}), 1, true)
  end)

  describe("because it is the usual one and is missing", function()
    local usual = os.getenv("TMPDIR")
    after_each(function() testing.setenv("TMPDIR", usual) end)

    it("is told when it is needed, and not before", function()
      files.folder("spill")
      testing.setenv("TMPDIR", "/nowhere")
      assert.equal(3001, #pairs_of(JOBS.sum))
      local ok, problem = pcall(pairs_of, JOBS["a sort"], {memory = LITTLE})
      testing.setenv("TMPDIR", usual)
      assert.is_false(ok)
      assert.matches("in '/nowhere': No such file or directory", tostring(problem), 1, true)
    end)
  end)

  it("uses files whose names are gone where there are none without", function()
    testing.fault("sys.open:EOPNOTSUPP@1")
    local folder = files.folder("spill")
    assert.equal(3001, #pairs_of(JOBS.sum, {memory = LITTLE, tmpdir = folder}))
    assert.equal(1, testing.fault_acted())
    assert.equal("", shell.run({"ls", "-A", folder}).stdout)
  end)
end)

describe("parallel-lua --memory", function()
  local function text(lines)
    local list = {}
    for i = 1, lines do list[i] = ("line %d of the text"):format(i * 7919 % 100003) end
    return files.write("text", table.concat(list, "\n") .. "\n")
  end

  local function run(before, ...)
    return shell.run({"sh", "-c", before .. 'exec "$@"', "sh", shell.program(), "-j2", ...})
  end

  it("gives the same output", function()
    local path = text(5000)
    local function output(...)
      return run("", "-e", "emit(record, offset)", "--reduce", "list", "-o", files.path("out"), ...).status
        == 0 and files.read(files.path("out"))
    end
    local wanted = output(path)
    assert.is_true(#wanted > 100000)
    assert.equal(wanted, output("--memory", LITTLE, "--tmpdir", files.folder("spill"), path))
  end)

  it("tells a size that is none", function()
    local result = run("", "--memory", "much", "-e", "emit(1)", "/dev/null")
    assert.equal(2, result.status)
    assert.matches("--memory takes a size such as 64K or 8M, got 'much'", result.stderr, 1, true)
  end)

  it("fails, and does not die, when a file may not grow", function()
    local result = run("ulimit -f 800; ", "--memory", LITTLE, "--tmpdir", files.folder("spill"),
                       "-e", "for i = 1, 20 do emit(record .. i, offset) end", "--sort", "key", text(5000))
    assert.equal(3, result.status)
    assert.matches("in '" .. files.path("spill") .. "': File too large", result.stderr, 1, true)
  end)

  -- Twenty times as much data as memory.
  it("keeps to it", function()
    if (os.getenv("LD_PRELOAD") or "") ~= "" then pending("a sanitizer needs memory of its own") end
    local job = files.write("job.lua", ([[
      local function note()
        local status, peaks = assert(io.open("/proc/self/status")), assert(io.open("PEAKS", "a"))
        peaks:write(status:read("*a"):match("VmHWM:%s*(%d+)"), "\n")
        peaks:close()
        status:close()
      end
      return {
        map = function(line, emit)
          for i = 1, 100 do emit(("%s, the piece number %d of %d"):format(line, i, #line), i) end
        end,
        map_end = note, after = note, sort = "value", combine = "sum",
        reduce = function(_, value)
          if value == 1 then note() end
          return value
        end,
      }
    ]]):gsub("PEAKS", files.path("peaks")))
    local result = run("", "--memory", "512K", "--tmpdir", files.folder("spill"), "-o", "/dev/null", job, text(2000))
    assert.same({status = 0, stdout = "", stderr = ""}, result)
    local greatest, count = 0, 0
    for peak in files.read(files.path("peaks")):gmatch("%d+") do
      greatest, count = math.max(greatest, tonumber(peak)), count + 1
    end
    assert.is_true(count > 3)
    assert.is_true(greatest < 20 * 1024, ("a process had %d KiB"):format(greatest))
  end)
end)
