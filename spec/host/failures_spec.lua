-- The program when pieces of its input fail: what it says, what comes out, and how it ends.
local files = require("spec.support.files")
local shell = require("spec.support.shell")

local folder = os.getenv("TMPDIR") .. "/files/"

-- Three files of a line each, of which the second may be bad.
local function run(command, options)
  for i, text in ipairs({"one\n", "two\n", "three\n"}) do files.write(i .. ".txt", text) end
  return shell.run(("cd '%s' && %s"):format(folder, (command:gsub("%%s", shell.program()))), options)
end

local BAD = [[-e 'if record == "two" then error("bad") end emit(record)' 1.txt 2.txt 3.txt]]
local SLOW = [[-e 'if record == "two" then while true do end end emit(record)' 1.txt 2.txt 3.txt]]
local NAMED = "parallel%-lua: 2.txt:0%+4: %-e:1: bad\n"

describe("a split that fails", function()
  it("ends the job", function()
    local result = run("%s " .. BAD)
    assert.equal(1, result.status)
    assert.match("^" .. NAMED, result.stderr)
  end)

  it("is run again so many times", function()
    local code = "-e 'local f = io.open(\"tries\", \"a\") f:write(\"x\") f:close() error(\"bad\")' 1.txt"
    assert.equal(1, run("%s --retries 3 " .. code).status)
    assert.equal("xxxx", files.read(files.path("tries")))
  end)

  it("costs nothing when it succeeds at last", function()
    local code = "-e 'local n = io.open(\"n\") io.open(\"n\", \"w\") if not n then error(\"bad\") end emit(record)' 1.txt"
    assert.same({stdout = "one\n", stderr = "", status = 0}, run("%s --retries 1 " .. code))
  end)

  for _, flags in ipairs({"--skip-bad 1", "--skip-bad 5", "--skip-bad 1 -j1", "--skip-bad 1 --inline", "-u --skip-bad 1"}) do
    it("is skipped, named and counted with " .. flags, function()
      local result = run("%s " .. flags .. " " .. BAD)
      assert.match(NAMED, result.stderr)
      assert.match("\nparallel%-lua: 1 split skipped\n$", result.stderr)
      assert.same({"one\nthree\n", 1}, {result.stdout, result.status})
    end)
  end

  it("is missing from what a reduce makes of the others", function()
    local result = run("%s --skip-bad 1 --stats --reduce count " .. BAD)
    assert.same({"one\t1\nthree\t1\n", 1}, {result.stdout, result.status})
    assert.match("\nskipped\t1\n", result.stderr)
  end)

  it("leaves nothing to reduce when it is not skipped", function()
    local result = run("%s --halt never --reduce count " .. BAD)
    assert.same({"", 1}, {result.stdout, result.status})
    assert.match("^" .. NAMED, result.stderr)
    assert.match("\nparallel%-lua: 1 split failed\n$", result.stderr)
  end)

  it("does not keep the others from being mapped when nothing halts the job", function()
    local result = run("%s --halt never " .. BAD)
    assert.same({"one\nthree\n", 1}, {result.stdout, result.status})
    assert.match("\nparallel%-lua: 1 split failed\n$", result.stderr)
  end)

  it("is one more than may be skipped", function()
    local result = run([[%s --skip-bad 1 -e 'error("bad")' 1.txt 2.txt 3.txt]])
    assert.same({"", 1}, {result.stdout, result.status})
  end)

  it("lets what runs end, and hands out nothing more", function()
    local result = run([[%s -j1 --halt soon,fail=2 -o out -e 'error("bad")' 1.txt 2.txt 3.txt]])
    assert.equal(1, result.status)
    assert.match("\nparallel%-lua: %d splits failed\n$", result.stderr)
    assert.is_nil(files.read(files.path("out")))
  end)

  for _, halt in ipairs({"now,fail=3", "now,fail=90%"}) do
    it("ends the job with the others at --halt " .. halt, function()
      local result = run("%s --halt " .. halt .. [[ -e 'error("bad")' 1.txt 2.txt 3.txt]])
      assert.equal(1, result.status)
      local _, count = result.stderr:gsub("bad\n", "")
      assert.equal(3, count)
    end)
  end

  it("may be one that kills its worker", function()
    local result = run([[%s -j2 --skip-bad 1 -e 'if record == "two" then os.exit(9) end emit(record)' 1.txt 2.txt 3.txt]])
    assert.same({"one\nthree\n", 1}, {result.stdout, result.status})
    assert.match("^parallel%-lua: 2.txt:0%+4: worker %d %(pid %d+%) exited with status 9", result.stderr)
  end)

  it("may be a piece of standard input", function()
    local result = run([[cat 2.txt | %s --skip-bad 1 -e 'error("bad")']])
    assert.same({"", 1}, {result.stdout, result.status})
    assert.match("^parallel%-lua: %-:0%+4: %-e:1: bad\n", result.stderr)
  end)
end)

describe("a split that takes too long", function()
  for _, workers in ipairs({"-j2", "--inline"}) do
    it("ends the job, and is told with its place, with " .. workers, function()
      local result = run("%s " .. workers .. " --timeout 0.05 " .. SLOW)
      assert.equal(1, result.status)
      assert.match("^parallel%-lua: 2.txt:0%+4: timed out after 0.05 s", result.stderr)
    end)

    it("can be skipped, with " .. workers, function()
      local result = run("%s " .. workers .. " --timeout 0.05 --skip-bad 1 " .. SLOW)
      assert.same({"one\nthree\n", 1}, {result.stdout, result.status})
    end)
  end

  it("is killed where nothing else stops it", function()
    local result = run([[%s -j2 --timeout 0.05 --skip-bad 1 -e 'if record == "two" then os.execute("sleep 100") end ]] ..
      [[emit(record)' 1.txt 2.txt 3.txt]])
    assert.same({"one\nthree\n", 1}, {result.stdout, result.status})
    assert.match("2.txt:0%+4: timed out after 0.05 s", result.stderr)
  end)
end)

describe("a key whose reduce takes too long", function()
  local function reduce(code, flags)
    return run("%s --timeout 0.05 " .. flags .. " -e 'emit(record)' --reduce '" .. code .. "' 1.txt 2.txt 3.txt")
  end

  for _, flags in ipairs({"-j1", "-j2", "--inline"}) do
    it("ends the job with " .. flags .. ", and is told with its place", function()
      if flags == "--inline" and rawget(_G, "jit") then return end -- no hook ends a compiled loop
      local result = reduce('if key == "two" then while true do end end return 1', flags)
      assert.equal(1, result.status)
      local place = rawget(_G, "jit") and "" or ", at %-%-reduce:1\n"
      assert.match("^parallel%-lua: reduce of key 'two': timed out after 0.05 s" .. place, result.stderr)
    end)
  end

  it("is killed where nothing else stops it", function()
    local result = reduce('if key == "two" then os.execute("sleep 100") end return 1', "-j2")
    assert.equal(1, result.status)
    assert.match("^parallel%-lua: reduce of key 'two': timed out after 0.05 s", result.stderr)
  end)

  it("does not share its time with the others", function()
    local result = run([[%s --timeout 0.5 -j1 --partitions 1 -e 'for i = 1, 30 do emit(i) end' --reduce ]]
      .. [['(function() local t = os.clock() while os.clock() - t < 0.03 do end return 1 end)()' 1.txt]])
    assert.equal(0, result.status, result.stderr)
  end)
end)

describe("a worker that dies in reduce", function()
  it("is told with the key", function()
    local result = run("%s -j2 --retries 0 -e 'emit(record)' --reduce " ..
      [['if key == "two" then os.exit(9) end return 1' 1.txt 2.txt 3.txt]])
    assert.match("^parallel%-lua: reduce of key 'two': worker %d %(pid %d+%) exited with status 9", result.stderr)
  end)
end)

for flags, message in pairs({
  ["--halt now"] = "'halt' must be now,fail=N, soon,fail=N (or N%) or never, got 'now'",
  ["--timeout 0"] = "'timeout' must be a positive number of seconds, got 0",
  ["--skip-bad -1"] = "'skip_bad' must be a whole number, at least 0, got -1",
  ["--seed 1.5"] = "'seed' must be a whole number, at least -9007199254740992, got 1.5",
  ["--backend moon"] = "there is no backend 'moon' (local)",
  ["--resume"] = "'resume' needs a 'joblog'",
  ["--joblog log --resume --reduce sum"] = "'resume' is for jobs that only map, without 'sort' and 'top'",
  ["--joblog log --resume -o out"] =
    "'resume' goes on behind what was printed: use >> FILE instead of an output file",
}) do
  describe("wrong usage", function()
    it("as in " .. flags .. " is told", function()
      assert.same({stdout = "", stderr = "parallel-lua: -e: " .. message .. "\n", status = 2},
        run("%s " .. flags .. " -e 'emit(record)' 1.txt"))
    end)
  end)
end
