-- What a job can read: files of all sorts, standard input, packed files, iterators.
local files = require("spec.support.files")
local parallel = require("parallel")
local shell = require("spec.support.shell")
local trials = require("spec.support.trials")
local testing = require("parallel.core").testing

local function echo(record, emit) emit(record) end

local function records_of(fields)
  local job, list = {map = echo, workers = 2}, {}
  for name, value in pairs(fields) do job[name] = value end
  local result = parallel.mapreduce(job)
  for key in result:pairs() do list[#list + 1] = key end
  result:close()
  return list
end

local function of_text(text, fields)
  fields = fields or {}
  fields.inputs = {files.write("text", text)}
  return records_of(fields)
end

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- What the program prints when this text is its standard input.
local function piped(text, options, input)
  local words = {}
  for i, option in ipairs(options) do words[i] = quoted(option) end
  local path = files.write("piped", text)
  return shell.run(("%s %s %s < '%s'"):format(shell.program(), table.concat(words, " "), input or "", path))
end

describe("a file", function()
  it("may lack a final newline, or hold nothing", function()
    assert.same({"a", "b"}, of_text("a\nb"))
    assert.same({}, of_text(""))
    assert.same({""}, of_text("\n"))
  end)

  it("may have no size, as those of /proc", function()
    local file = assert(io.open("/proc/filesystems"))
    local text = file:read("*a")
    file:close()
    assert.equal(text, table.concat(records_of({inputs = {"/proc/filesystems"}}), "\n") .. "\n")
    assert.same({text}, records_of({inputs = {"/proc/filesystems"}, records = "file"}))
  end)

  it("may hold carriage returns and zero bytes", function()
    assert.same({"a\r", "b\0c", "\0"}, of_text("a\r\nb\0c\n\0"))
  end)

  it("may hold records longer than any block", function()
    local long = ("x"):rep(3 * 1024 * 1024 + 7)
    assert.same({"a", long, "b"}, of_text("a\n" .. long .. "\nb\n"))
  end)

  it("may have shrunk since it was looked at", function()
    local path = files.write("text", ("line\n"):rep(1000))
    local list = records_of({inputs = {path}, workers = 1, map_begin = function() files.write("text", "one\n") end})
    assert.same({"one"}, list)
  end)

  it("that is gone when it is to be read is told by name", function()
    local path = files.write("text", "a\n")
    local failure = trials.raised(records_of, {inputs = {path}, before = nil,
      map_begin = function() os.remove(path) end})
    assert.match(("cannot read '%s': No such file or directory"):format(path), tostring(failure), 1, true)
  end)

  it("may have a header, which every piece of it is given", function()
    local text = "name,size\nunits\n" .. ("row\n"):rep(200000)
    local path = files.write("text", text)
    local header
    local result = parallel.mapreduce({inputs = {path}, header = 2, workers = 2, combine = "sum",
      map_begin = function(info) header = table.concat(info.header, "|") end,
      map = function(line, emit) emit({header, line}) end})
    assert.same({[1] = 200000}, {result:get({"name,size|units", "row"})})
    assert.equal(1, result:count())
    result:close()
  end)

  for _, text in ipairs({"", "h", "h\n", "h\na", "h\na\nb\n"}) do
    it("with a header may hold as little as " .. text:gsub("\n", "/"), function()
      local expected = {}
      for line in text:gmatch("[^\n]+") do expected[#expected + 1] = line end
      table.remove(expected, 1)
      assert.same(expected, of_text(text, {header = 1}))
    end)
  end

  it("with a header may be cut into records of any kind", function()
    assert.same({"a;b;", "c"}, of_text("h\na;b;--c", {header = 1, records = "--"}))
  end)
end)

describe("many files", function()
  it("are read in the order of their names, folders and all", function()
    for _, name in ipairs({"b", "a", "c/z", "c/y"}) do files.write("shelf/" .. name, name .. "\n") end
    assert.same({"a", "b", "c/y", "c/z"}, records_of({inputs = {files.path("shelf")}}))
  end)

  it("are all looked for before anything is done", function()
    local missing = files.path("none")
    local seen = files.path("seen")
    local message = trials.raised(records_of, {
      inputs = {files.write("a", "a\n"), missing}, map = function() files.write("seen", "") end})
    assert.equal(("cannot open '%s': No such file or directory"):format(missing), message)
    assert.is_nil(files.read(seen))
  end)

  it("may come from an iterator, which is pulled while they are read", function()
    local pulled = 0
    local list = records_of({workers = 1, inputs = function()
      pulled = pulled + 1
      if pulled <= 100 then return files.write("f" .. pulled, pulled .. "\n") end
    end})
    assert.equal(100, #list)
    assert.equal("100", list[100])
  end)

  it("may stand among records", function()
    local path = files.write("a", "from a file\n")
    assert.same({1, true, "from a file", 2}, records_of({inputs = {1, true, path, 2}}))
    local items, i = {1, path, 2}, 0
    assert.same({1, "from a file", 2}, records_of({inputs = function()
      i = i + 1
      return items[i]
    end}))
  end)

  it("and records are numbered as they stand", function()
    local path = files.write("a", "a\nb\n")
    local function number(_, emit, info) emit(info.index) end
    assert.same({1, 2, 2, 3, 4, 5, 5}, records_of({inputs = {7, path, 8, 9, path}, map = number}))
    assert.same({1, 2, 3}, records_of({values = {7, path, 9}, map = number}))
  end)
end)

describe("values from an iterator", function()
  it("are pulled as there is room, not collected", function()
    local pulled, most_ahead, seen = 0, 0, 0
    parallel.mapreduce({
      workers = 1, map = echo,
      values = function()
        pulled = pulled + 1
        most_ahead = math.max(most_ahead, pulled - seen)
        return pulled <= 20000 and pulled or nil
      end,
      output = function() seen = seen + 1 end,
    }):close()
    assert.equal(20000, seen)
    assert.is_true(most_ahead < 2000, "it was " .. most_ahead .. " ahead")
  end)

  it("that cannot be sent are told", function()
    local one = {coroutine.create(print)}
    local failure = trials.raised(records_of, {values = function() return table.remove(one) end})
    assert.equal("cannot send values[1]: a coroutine cannot leave its process", tostring(failure))
    assert.equal("unsendable", failure.kind)
  end)

  it("that raises ends the job with what it raised", function()
    assert.equal("enough", trials.raised(records_of, {values = function() error("enough", 0) end}))
  end)

  for _, plan in ipairs({"task.done:kill@2", "task.begin:kill@5", "sys.pwrite:killchild@2"}) do
    it("are mapped once each with " .. plan, function()
      local i = 0
      testing.fault(plan)
      local result = parallel.mapreduce({workers = 2, combine = "sum",
        map = function(n, emit) emit("sum", n) end,
        values = function()
          i = i + 1
          return i <= 1000 and i or nil
        end})
      testing.fault(nil)
      assert.equal(500500, result:get("sum"))
      result:close()
    end)
  end
end)

describe("a pipe with a name", function()
  local function in_bash(command)
    return shell.run({"bash", "-c", (command:gsub("%%s", shell.program()))})
  end

  it("is read like standard input, any number of them", function()
    local path = files.write("a", "a\n")
    assert.same({stdout = "1\n2\na\nb\n3\n4\n", stderr = "", status = 0},
      in_bash("echo b | %s -j2 -e 'emit(record)' <(seq 1 2) " .. path .. " - <(seq 3 4)"))
  end)

  it("may hold much, and each its header", function()
    assert.equal("1\t100000\n2\t100000\n", in_bash("%s -j2 --header 1 -e 'emit(header[1])' --reduce count " ..
      "<(echo 1; seq 100000) <(echo 2; seq 100000)").stdout)
  end)

  it("is waited for until somebody writes to it", function()
    assert.equal(0, shell.run({"mkfifo", files.path("pipe")}).status)
    local job = shell.start({shell.program(), "-e", "emit(record)", files.path("pipe")})
    local pipe = files.open_pipe(files.path("pipe"))
    pipe:write("late\n")
    pipe:close()
    assert.same({stdout = "late\n", stderr = "", status = 0}, job:wait())
  end)

  for _, start_method in ipairs({"template", "spawn"}) do
    it("is read by workers that are made by " .. start_method, function()
      local job = files.write("job.lua", ("return {start_method = %q, map = function(r, emit) emit(r) end}"):format(start_method))
      assert.equal("1\n2\n", in_bash("%s " .. job .. " <(echo 1) <(echo 2)").stdout)
    end)
  end
end)

describe("standard input", function()
  it("is read, cut and handed to the workers, in order", function()
    local lines = {}
    for i = 1, 100000 do lines[i] = ("line number %d\n"):format(i) end
    local text = table.concat(lines)
    assert.same({stdout = text, stderr = "", status = 0}, piped(text, {"-j2", "-e", "emit(record)"}, "-"))
  end)

  it("may be a pipe", function()
    assert.equal(5000050000, tonumber(shell.run(("seq 1 100000 | %s -e 'emit(1, tonumber(record))' --reduce sum -f raw")
      :format(shell.program())).stdout))
  end)

  it("may be one input among several", function()
    local path = files.write("a", "a\n")
    assert.equal("a\nb\na\n", piped("b\n", {"-e", "emit(record)"}, ("'%s' - '%s'"):format(path, path)).stdout)
  end)

  for records, expected in pairs({
    line = "[a][][b;;c][][][d]", block = "[a\n\nb;;c\n\n\nd]", paragraph = "[a][b;;c][d]", file = "[a\n\nb;;c\n\n\nd]",
    [";;"] = "[a\n\nb][c\n\n\nd]", ["c"] = "[a\n\nb;;][\n\n\nd]",
  }) do
    it("is cut into records of kind " .. records, function()
      assert.equal(expected .. "\n", piped("a\n\nb;;c\n\n\nd", {"--records", records, "--begin", "t = ''",
        "-e", "t = t .. '[' .. record .. ']'", "--end", "emit(t)"}).stdout)
    end)
  end

  it("has a header and offsets like a file", function()
    assert.equal("2 h a\n4 h b\n", piped("h\na\nb\n", {"--header", "1",
      "-e", "emit(offset .. ' ' .. header[1] .. ' ' .. record)"}).stdout)
  end)

  it("may be empty", function()
    assert.same({stdout = "", stderr = "", status = 0}, piped("", {"-e", "emit(record)"}))
  end)

  for _, path in ipairs({"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"}) do
    it("may be called " .. path .. ", be it a file or a pipe", function()
      local expected = {stdout = path .. "\ta\n", stderr = "", status = 0}
      assert.same(expected, piped("a\n", {"-e", "emit(path, record)"}, path))
      assert.same(expected, shell.run(("echo a | %s -e 'emit(path, record)' %s"):format(shell.program(), path)))
      assert.same({stdout = "", stderr = "", status = 0},
        shell.run(("%s -e 'emit(path, record)' %s </dev/null"):format(shell.program(), path)))
    end)
  end

  it("is handed on as it comes, not only at its end", function()
    local result = shell.run(("mkfifo '%s' && { echo one; cat '%s' >&2; echo two; } | %s -e 'emit(record)' | " ..
      "{ read line; echo got $line; echo go >'%s'; cat; }"):format(files.path("gate"), files.path("gate"),
      shell.program(), files.path("gate")))
    assert.same({stdout = "got one\ntwo\n", stderr = "go\n", status = 0}, result)
  end)

  it("counts once whoever dies", function()
    local text = ("a b\n"):rep(100000)
    local path = files.write("piped", text)
    for _, plan in ipairs({"task.done:kill@1", "task.begin:kill@2"}) do
      local result = shell.run(("%s -j2 -e 'emit:all(words(record))' --reduce sum < '%s'"):format(
        shell.program(), path), {env = {PARALLEL_LUA_FAULT = plan}})
      assert.equal("", result.stderr)
      assert.equal("a\t100000\nb\t100000\n", result.stdout)
    end
  end)

  it("that cannot be read is told", function()
    local result = shell.run(("%s -e 'emit(record)' <&-"):format(shell.program()))
    assert.same({stdout = "", stderr = "parallel-lua: cannot read '-': Bad file descriptor\n", status = 3}, result)
  end)
end)

describe("a packed file", function()
  local TOOLS = {{"gzip -c", ".gz"}, {"zstd -qc", ".zst"}}
  for _, tool in ipairs(TOOLS) do
    local pack, suffix = tool[1], tool[2]

    local function packed(text)
      local path = files.path("text" .. suffix)
      assert.equal(0, shell.run(("%s '%s' > '%s'"):format(pack, files.write("text", text), path)).status)
      return path
    end

    it("ending in " .. suffix .. " is read through its own tool", function()
      assert.same({"a", "b"}, records_of({inputs = {packed("a\nb\n")}}))
    end)

    it("ending in " .. suffix .. " may have a header", function()
      assert.same({"a"}, records_of({inputs = {packed("h\na\n")}, header = 1}))
    end)

    it("ending in " .. suffix .. " that is damaged is told in the tool's own words", function()
      local path = files.write("bad" .. suffix, "this was never packed")
      local failure = trials.raised(records_of, {inputs = {path}})
      assert.match(("cannot read '%s': "):format(path), tostring(failure), 1, true)
      assert.match(suffix == ".gz" and "gzip: .*not in gzip format" or "zstd: .*unsupported format", tostring(failure))
    end)
  end

  it("that is cut short is told", function()
    local whole = files.path("text.gz")
    shell.run(("seq 1 100000 | gzip -c > '%s'"):format(whole))
    local path = files.write("short.gz", files.read(whole):sub(1, 10000))
    assert.match("gzip: .*unexpected end of file", tostring(trials.raised(records_of, {inputs = {path}})))
  end)

  it("whose tool is missing is told", function()
    local path = files.write("text.gz", "x")
    local result = shell.run({"env", "PATH=/none", shell.program(), "-e", "emit(record)", path})
    assert.same({stdout = "", status = 3, stderr =
      ("parallel-lua: %s:0+1: cannot read '%s': gzip is not installed\n"):format(path, path)}, result)
  end)

  it("whose tool ends without a word is told", function()
    local path, folder = files.write("text.gz", "x"), files.path("tools")
    shell.run({"mkdir", folder})
    finally(function() shell.run({"rm", "-r", folder}) end)
    for ending, text in pairs({["exit 3"] = "gzip exited with status 3", ["kill -9 $$"] = "gzip was killed by signal 9"}) do
      files.write("tools/gzip", "#!/bin/sh\n" .. ending .. "\n")
      shell.run({"chmod", "+x", folder .. "/gzip"})
      local result = shell.run({"env", "PATH=" .. folder, shell.program(), "-e", "emit(record)", path})
      assert.same({stdout = "", status = 3, stderr =
        ("parallel-lua: %s:0+1: cannot read '%s': %s\n"):format(path, path, text)}, result)
    end
  end)

  it("whose tool cannot be started is told", function()
    local path = files.write("text.gz", "x")
    testing.fault("sys.posix_spawnp:ENOMEM@1")
    local failure = trials.raised(records_of, {inputs = {path}})
    testing.fault(nil)
    assert.match("gzip: Cannot allocate memory", tostring(failure), 1, true)
  end)

  it("is given up when map raises", function()
    local path = files.path("text.gz")
    shell.run(("seq 1 100000 | gzip -c > '%s'"):format(path))
    local failure = trials.raised(records_of, {inputs = {path}, map = function() error("no") end})
    assert.match("no", tostring(failure))
  end)
end)
