-- What users of other tools run into: odd names, odd bytes, mixed output.
local files = require("spec.support.files")
local shell = require("spec.support.shell")

local folder = os.getenv("TMPDIR") .. "/files/"

local function run(command, options)
  files.write("here", "")
  return shell.run(("cd '%s' && %s"):format(folder, (command:gsub("%%s", shell.program()))), options)
end

local NAMES = {"new\nline", "quote'", 'quote"', "-e", "--", "a b", "$(echo)", "`id`", "*", "\255\254", "\\", "#", ";", "&"}

describe("an input", function()
  for _, name in ipairs(NAMES) do
    it("may be called " .. name:gsub("[%c\128-\255]", "?"), function()
      files.write(name, "text\n")
      assert.same({stdout = "text\n", stderr = "", status = 0},
        run("%s -0 -a - -e 'emit(record)'", {stdin = name}))
      assert.same({stdout = "text\n", stderr = "", status = 0},
        shell.run({shell.program(), "-e", "emit(record)", files.path(name)}))
    end)
  end

  it("with an odd name is named in its failure", function()
    files.write("a\tb", "text\n")
    assert.match("^parallel%-lua: a\tb:0%+5: %-e:1: bad\n", run("%s -e 'error(\"bad\")' 'a\tb'").stderr)
  end)

  for _, text in ipairs({"", "\n", "\n\n", "a", "a\r\n", "a\0b\n", "\255\n", ("x"):rep(3000000) .. "\nb\n"}) do
    it(("comes out as it went in, %d bytes"):format(#text), function()
      files.write("in", text)
      local expected = (text == "" or text:sub(-1) == "\n") and text or text .. "\n"
      for _, flags in ipairs({"-f raw", "-f raw --inline", "-f raw -b 4K --records block", "-f raw -j3"}) do
        local command = flags:find("block") and "-e 'for line in lines(record) do emit(1, line) end'"
          or "-e 'emit(1, record)'"
        assert.equal(expected, run("%s " .. flags .. " " .. command .. " in").stdout)
      end
    end)
  end
end)

describe("the output of workers", function()
  it("is not mixed, however long its lines are", function()
    local inputs = {}
    for i = 1, 8 do
      files.write("f" .. i, ("x"):rep(40) .. "\n")
      inputs[i] = "f" .. i
    end
    local result = run("%s -u -j4 -e 'local c = path:sub(2) for i = 1, 20 do emit(c:rep(10000)) end' " ..
      table.concat(inputs, " "))
    local count = 0
    for line in result.stdout:gmatch("([^\n]*)\n") do
      count = count + 1
      assert.equal(line:sub(1, 1):rep(10000), line)
    end
    assert.equal(160, count)
  end)
end)

describe("the program", function()
  it("does without stdin and stderr", function()
    files.write("in", "text\n")
    assert.equal("text\n", run("%s -e 'emit(record)' in <&-").stdout)
    assert.equal("text\n", run("%s --progress -e 'emit(record)' in 2>&-").stdout)
  end)

  it("without stdin to read says so", function()
    local result = run("%s -e 'emit(record)' <&-")
    assert.equal(3, result.status)
    assert.match("^parallel%-lua: cannot read", result.stderr)
  end)

  it("takes options in each way that they may be written", function()
    files.write("in", "b a\n")
    local wanted = {status = 0, stdout = "a\n", stderr = ""}
    for _, options in ipairs({"-qkj1 -F ' ' -e 'emit(f[2])'", "-j1 -qk -F' ' -e 'emit(f[2])'", "--jobs=1 -q -k "
      .. "--field-separator ' ' --map 'emit(f[2])'", "-j 1 --quiet --field-separator=' ' -e'emit(f[2])'"}) do
      assert.same(wanted, run("%s " .. options .. " in"), options)
    end
    assert.match("unknown option '%-z'", run("%s -qz -e 'emit(1)' in").stderr)
  end)

  it("says which option was meant", function()
    assert.match("Did you mean '%-%-joblog'%?", run("%s --jobolg x -e 'emit(1)'").stderr)
  end)
end)
