-- The program with options that describe whole jobs, read and write.
local files = require("spec.support.files")
local shell = require("spec.support.shell")

local folder = os.getenv("TMPDIR") .. "/files/"
local TEXT = "The cat saw the dog.\nA dog!\n"

-- Run in the folder of the files, on a.txt unless the command says otherwise; %s is the program.
local function run(command, options)
  files.write("a.txt", TEXT)
  return shell.run(("cd '%s' && %s"):format(folder, (command:gsub("%%s", shell.program()))), options)
end

local function assert_prints(stdout, command)
  assert.same({stdout = stdout, stderr = "", status = 0}, run(command))
end

local function assert_fails(status, message, command)
  assert.same({stdout = "", stderr = "parallel-lua: " .. message .. "\n", status = status}, run(command))
end

describe("a job in one line", function()
  for command, stdout in pairs({
    ["%s -e 'emit(record)' a.txt"] = TEXT,
    ["%s -e 'if record:find(\"cat\") then emit(record) end' < a.txt"] = "The cat saw the dog.\n",
    ["%s -e 'emit(#record)' a.txt"] = "20\n6\n",
    ["%s -e 'emit((record:match(\"%a+ (%l+)\")))' a.txt"] = "cat\ndog\n",
    ["%s -e 'emit:all(words(record, \"lower\"))' --reduce sum a.txt"] = "a\t1\ncat\t1\ndog\t2\nsaw\t1\nthe\t2\n",
    ["%s -e 'emit:all(words(record, \"lower\"))' --reduce sum --top 2 a.txt"] = "dog\t2\nthe\t2\n",
    ["%s -e 'emit(path, #record)' --reduce top:1 -f json a.txt"] = '{"key": "a.txt", "value": [20]}\n',
    ["%s -e 'emit(1, #record)' --reduce 'key + #{values(), values()}' a.txt"] = "1\t3\n",
    ["%s -e 'emit(1, #record)' --combine sum --reduce 'return values * 2' a.txt"] = "1\t52\n",
    ["%s -e 'emit(1, #record)' -v n=5 --reduce n a.txt"] = "1\t5\n",
    ["%s -e 'emit(1, #record)' --reduce 'for v in values do emit(v, key) end' a.txt"] = "6\t1\n20\t1\n",
    ["%s -F ' ' -e 'emit(f[2], f[1])' a.txt"] = "cat\tThe\ndog!\tA\n",
    ["%s -F o -e 'emit(f[1])' a.txt"] = "The cat saw the d\nA d\n",
    ["printf 'a\\tb\\n' | %s -F '\\t' -e 'emit(f[2])'"] = "b\n",
    ["printf 'a  b\\n' | %s -F '' -e 'emit(f[2])'"] = "b\n",
    ["printf 'a--b' | %s --records -- -e 'emit(record)'"] = "a\nb\n",
    ["printf 'a\\0b' | %s --records '\\0' -e 'emit(record)'"] = "a\nb\n",
    ["%s --begin 'n = 0' -e 'n = n + #record' --end 'emit(n)' a.txt"] = "26\n",
    ["%s -e 'n = (n or 0) + 1' -e 'emit(n)' a.txt"] = "1\n2\n",
    ["%s -e 'emit(1, record)' a.txt -f raw"] = TEXT,
    ["%s -e 'emit(record)' -- a.txt -f 2>&1 || true"] = "parallel-lua: cannot open '-f': No such file or directory\n",
    ["%s -f raw -e 'emit(offset, path .. \" \" .. offset)' a.txt"] = "a.txt 0\na.txt 21\n",
    ["%s --header 1 -e 'emit(header[1])' a.txt"] = "The cat saw the dog.\n",
    ["%s -v n=3 -v s=007 -v e= -e 'emit(n + 1, s .. e)' a.txt"] = "4\t007\n4\t007\n",
    ["%s -l string -e 'emit(string.upper(record))' a.txt"] = TEXT:upper(),
    ["%s -e 'for g in ngrams(record, 2, \"lower\") do emit(g) end' --reduce count --top 1 a.txt"] = "a dog\t1\n",
    ["%s -e 'for line in lines(record) do emit(line:sub(1, 1)) end' --records file a.txt"] = "T\nA\n",
    ["%s -e 'emit(parallel.cpu_count() > 0)' a.txt"] = "true\ntrue\n",
    ["%s --sort key -e 'emit(record)' a.txt"] = "A dog!\nThe cat saw the dog.\n",
    ["%s --tag -e 'emit(record)' a.txt"] = "a.txt\tThe cat saw the dog.\na.txt\tA dog!\n",
    ["%s -k --inline -e 'emit(record)' a.txt"] = TEXT,
    ["%s -u -j1 -e 'emit(record)' a.txt"] = TEXT,
    ["%s -b 64K --records block -e 'emit(#record)' a.txt"] = "28\n",
    ["%s -f lua -e 'emit(1, record)' a.txt"] = 'return {\n{1, "The cat saw the dog."},\n{1, "A dog!"},\n}\n',
    ["%s -f csv -e 'emit(\"a,b\", record)' a.txt"] = '"a,b",The cat saw the dog.\n"a,b",A dog!\n',
    ["%s -v a=0.50 -v b=2.0 -v c=1e2 -v d=-.5 -e 'emit(a * 2 == 1 and b < 3 and c > 99 and d < 0)' a.txt"] = "true\ntrue\n",
    ["%s -v a=12345678901234567890 -v b=nan -v c=0x10 -e 'emit(a, b .. c)' a.txt"] =
      ("12345678901234567890\tnan0x10\n"):rep(2),
    ["%s -o out -e 'emit(record)' a.txt && cat out"] = TEXT,
    ["%s -o - -e 'emit(record)' a.txt && ls ./- 2>/dev/null || true"] = TEXT,
    ["%s --out-dir parts -e 'emit(record)' a.txt && ls parts && cat parts/*"] = "part-00000\n" .. TEXT,
    ["%s -q --stats -e 'counter(\"n\")' a.txt"] = "",
    ["%s -- -e 2>/dev/null || echo $?"] = "2\n",
  }) do
    it("prints what it should: " .. command, function() assert_prints(stdout, command) end)
  end

  it("takes inputs from a list", function()
    files.write("b.txt", "b\n")
    assert_prints("b\n" .. TEXT, "printf 'b.txt\\na.txt\\n' | %s -a - -e 'emit(record)'")
    assert_prints("b\n" .. TEXT, "printf 'b.txt\\n' > list && %s --inputs-from list -e 'emit(record)' a.txt")
    assert_prints("b\n", "printf 'b.txt\\0' | %s -0 -a - -e 'emit(record)'")
    assert_prints("", "printf '' | %s -a - -e 'emit(record)'")
  end)

  it("finds the files of an index as the manual has it", function()
    files.write("src/one.c", "int a;\n")
    files.write("src/two.c", "int b;\n")
    assert_prints("a\tsrc/one.c\nb\tsrc/two.c\nint\tsrc/one.c src/two.c\n",
      "find src -name '*.c' -print0 | %s -0 -a - --records file -e 'emit:all(words(record), path)' --reduce set")
  end)

  it("says what was done and counted", function()
    local result = run("%s -j2 --stats -e 'counter(\"lines\"); counter(\"bytes\", #record)' a.txt")
    assert.same({"", 0}, {result.stdout, result.status})
    assert.match("^splits\t1\nbytes\t28\npairs\t0\nseconds\t%d+%.%d+\nworkers\t2\ndeaths\t0\nretried\t0\n" ..
      "bytes\t26\nlines\t2\n$", result.stderr)
  end)

  it("counts once what a worker that died had counted", function()
    for _, reduce in ipairs({"", "--reduce count"}) do
      local result = run("%s -j2 --stats -e 'counter(\"n\"); emit(1)' " .. reduce .. " a.txt",
        {env = {PARALLEL_LUA_FAULT = "task.done:kill@1"}})
      assert.match("deaths\t1\nretried\t1\nn\t2\n$", result.stderr)
    end
  end)

  it("counts in reduce too", function()
    local result = run("%s -j2 --stats -e 'emit(record)' --combine sum --reduce 'counter(\"keys\")' a.txt")
    assert.match("\nkeys\t2\n$", result.stderr)
  end)

  it("says what is done again when it is verbose", function()
    local result = run("%s -j1 --verbose -e 'emit(record)' a.txt", {env = {PARALLEL_LUA_FAULT = "task.begin:kill@1"}})
    assert.equal(TEXT, result.stdout)
    assert.equal("parallel-lua: splits planned: 1, workers: 1\nparallel-lua: a.txt:0+28 failed, and runs again\n",
      result.stderr)
  end)
end)

describe("a job in one line that is wrong", function()
  for command, message in pairs({
    ["%s -e 'emit(' a.txt"] = "-e:1: unexpected symbol near <eof>",
    ["%s -e 'emit(1)' -e 'x = end' a.txt"] = "-e:2: unexpected symbol near 'end'",
    ["%s -e 'if record then' --end 'x = 1' a.txt"] = "-e:1: 'end' expected near <eof>",
    ["%s -e 'emit(1)' --end 'end x = 1 do' a.txt"] = "--end:1: <eof> expected near 'end'",
    ["%s -e 'emit(record)' --reduce '(' a.txt"] = "--reduce:1: unexpected symbol near <eof>",
    ["%s -e 'emit(record)' --reduce cuont a.txt"] = "--reduce takes a name, such as sum, or code; 'cuont' is neither",
    ["%s -0 -e 'emit(record)' a.txt"] = "-0 goes with -a (see --help)",
    ["%s -e 'emit(1)' --combine summ a.txt"] =
      "-e: 'combine' must be one of sum, count, min, max, mean, first, last, list, set, hist, top:N, got 'summ'",
    ["%s -e 'emit(1)' -v 3=4 a.txt"] = "-v takes name=value, got '3=4'",
    ["%s -b tiny -e 'emit(1)' a.txt"] = "--block takes a size such as 64K or 8M, got 'tiny' (see --help)",
    ["%s --header x -e 'emit(1)' a.txt"] = "--header takes a number, got 'x' (see --help)",
    ["%s --tag -e 'emit(record, 1)' --top 1 a.txt"] = "--tag is for jobs that only map, in the order of their input",
    ["%s --tag -e 'emit(1)' --reduce sum a.txt"] = "--tag is for jobs that only map, in the order of their input",
    ["%s -k -u -e 'emit(1)' a.txt"] = "-k and -u cannot both be given",
    ["%s --begin 'x = 1' a.txt"] = "--begin goes with -e (see --help)",
    ["%s -F , a.txt"] = "-F goes with -e (see --help)",
  }) do
    it("is told: " .. command, function()
      local result = run(command)
      assert.equal(2, result.status)
      assert.equal("", result.stdout)
      assert.equal("parallel-lua: " .. message .. "\n", (result.stderr:gsub("'<eof>'", "<eof>")))
    end)
  end

  it("raises with the place in the code", function()
    local result = run("%s -j1 -e 'local x\nerror(\"no\")' a.txt")
    assert.equal(1, result.status)
    assert.match("^parallel%-lua: a.txt:0%+28: %-e:2: no\nstack traceback:\n", result.stderr)
    assert.not_match("parallel/", result.stderr)
    assert.equal("parallel-lua: a.txt:0+28: -e:2: no\n", run("%s -q -j1 -e 'local x\nerror(\"no\")' a.txt").stderr)
  end)

  it("raises with the place in the code of reduce", function()
    local result = run("%s -j1 -e 'emit(record)' --reduce 'error(\"no\")' a.txt")
    assert.equal(1, result.status)
    assert.match("^parallel%-lua: reduce of key '[^']+': %-%-reduce:1: no\nstack traceback:\n", result.stderr)
  end)

  it("with a value that its format does not have is told", function()
    assert_fails(1, "reduce: cannot write JSON: a table has a table as a key",
      "%s -q -f json -e 'emit(1, {[{}] = 1})' --reduce first a.txt")
  end)

  it("with inputs that are missing is told", function()
    assert_fails(3, "cannot open 'none': No such file or directory", "%s -e 'emit(record)' a.txt none")
    assert_fails(3, "cannot open 'none': No such file or directory", "%s -a none -e 'emit(record)'")
    assert_fails(3, "cannot read '/': Is a directory", "%s -a / -e 'emit(record)'")
    assert_fails(1, "cannot make a scratch file: Too many open files",
                 "ulimit -n 20; %s -j 16 -e 'emit(record)' --reduce count a.txt")
  end)

  it("leaves no output behind", function()
    local result = run("%s -o out -e 'emit(record) if record:find(\"!\") then error(\"no\") end' a.txt; ls")
    assert.equal("a.txt\n", (result.stdout:gsub("std[^\n]*\n", "")))
  end)

  it("with an output that cannot be written is told", function()
    assert_fails(3, "cannot write 'none/out': No such file or directory", "%s -o none/out -e 'emit(record)' a.txt")
    assert_fails(3, "cannot write the output: No space left on device", "%s -e 'emit(record)' a.txt > /dev/full")
    assert_fails(3, "cannot write 'none/t': No such file or directory", "%s --trace none/t -e 'emit(record)' a.txt")
    assert_fails(3, "cannot write 'none/r': No such file or directory", "%s --report none/r -e 'emit(record)' a.txt")
  end)

  it("with runs that cannot be written is told", function()
    assert_fails(3, "cannot spill to 'none': No such file or directory",
      "%s --tmpdir none -e 'emit(record)' --reduce count a.txt")
    local result = run("%s -q -j1 --memory 64K --tmpdir . -e 'for i = 1, 1e5 do emit(i) end' --reduce count a.txt",
      {env = {PARALLEL_LUA_FAULT = "sys.pwrite:ENOSPC@1+"}})
    assert.match("cannot write a run[^:]*: No space left on device\n$", result.stderr)
    assert.equal(3, result.status)
  end)
end)

describe("a counter", function()
  it("that is no number is told at the user's line", function()
    local result = run("%s -q -e 'counter(\"n\", \"many\")' a.txt")
    assert.match("^parallel%-lua: a.txt:0%+%d+: %-e:1: bad argument #2 to 'counter' %(number expected, got string%)\n$",
      result.stderr)
  end)
end)

describe("a job that prints", function()
  it("ends quietly when nobody reads that any more", function()
    local result = run("{ yes | %s -e 'print(record)'; echo $? >status; } | head -1")
    assert.same({stdout = "y\n", stderr = "", status = 0}, result)
    assert.equal("141\n", files.read(folder .. "status"))
  end)

  it("to a full disk is told", function()
    local full = "cannot write the output: No space left on device"
    assert_fails(3, full, "%s -e 'print(record)' a.txt > /dev/full")
    assert_fails(3, full, "%s -e 'io.write(record)' a.txt > /dev/full")
    assert_fails(3, full, "%s -e 'os.execute(\"echo hi\")' a.txt > /dev/full")
    assert_fails(3, full, "%s -e 'emit(record)' --reduce 'print(key)' a.txt > /dev/full")
  end)
end)

describe("a job that only maps", function()
  it("ends quietly when nobody reads its output any more", function()
    local result = run("{ seq 1 1000000 | %s -e 'emit(record)'; echo $? >status; } | head -1")
    assert.same({stdout = "1\n", stderr = "", status = 0}, result)
    assert.equal("141\n", files.read(folder .. "status"))
  end)

  it("leaves no file behind when it is killed", function()
    local result = run("exec %s -j1 -o out -e 'os.execute(\"kill -9 '$$'\")' a.txt", {group = true})
    assert.equal("SIGKILL", result.signal)
    assert.equal("a.txt\n", (run("ls").stdout:gsub("std[^\n]*\n", "")))
  end)
end)

describe("--color", function()
  for arguments, colored in pairs({
    ["--color always"] = true, ["--color never"] = false, ["--color auto"] = false, [""] = false,
  }) do
    it(arguments .. (colored and " colors" or " does not color") .. " what goes wrong", function()
      local expected = colored and "\27[1;31mparallel-lua:\27[0m " or "parallel-lua: "
      assert.equal(expected .. "cannot open none.lua: No such file or directory\n",
        run("%s " .. arguments .. " none.lua").stderr)
    end)
  end
end)
