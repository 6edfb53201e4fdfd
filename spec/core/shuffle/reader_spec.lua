require("parallel")
local core = require("parallel.core")

local path

local function write(text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- The records of a split, each as {offset, record}.
local function read(kind, offset, length)
  local records = {}
  local split = {path = path, offset = offset, length = length, records = kind}
  core.map_split(core.reader(), split, function(record, _, info)
    records[#records + 1] = {info.offset, record}
  end, nil, {})
  return records
end

local function bare(records)
  local list = {}
  for i, record in ipairs(records) do list[i] = record[2] end
  return list
end

local function records_of(text, kind)
  write(text)
  return bare(read(kind))
end

-- Every split of the text must give those of all its records that begin in it.
local function check_every_split(text, kind)
  write(text)
  local all = read(kind)
  for first = 0, #text do
    for last = first + 1, #text do
      local expected = {}
      for _, record in ipairs(all) do
        if record[1] >= first and record[1] < last then expected[#expected + 1] = record end
      end
      assert.same(expected, read(kind, first, last - first))
    end
  end
end

-- A block depends on where its split begins and ends, its lines do not.
local function check_blocks_of_every_split(text)
  write(text)
  local lines = read("line")
  for first = 0, #text do
    for last = first + 1, #text do
      local expected = {}
      for i, line in ipairs(lines) do
        local finish = lines[i + 1] and lines[i + 1][1] or #text
        if line[1] >= first and line[1] < last then
          expected[#expected + 1] = text:sub(line[1] + 1, finish)
        end
      end
      local blocks = bare(read("block", first, last - first))
      assert.same(table.concat(expected), table.concat(blocks))
    end
  end
end

describe("reader", function()
  before_each(function() path = os.tmpname() end)

  after_each(function()
    core.testing.fault(nil)
    os.remove(path)
  end)

  describe("of lines", function()
    it("leaves out the newline", function()
      assert.same({"one", "two"}, records_of("one\ntwo\n", "line"))
    end)

    it("needs no newline at the end", function()
      assert.same({"one", "two"}, records_of("one\ntwo", "line"))
    end)

    it("keeps a carriage return", function()
      assert.same({"one\r", "two\r"}, records_of("one\r\ntwo\r\n", "line"))
    end)

    it("keeps zero bytes", function()
      assert.same({"a\0b", "\0"}, records_of("a\0b\n\0\n", "line"))
    end)

    it("takes an empty line for a record", function()
      assert.same({"", "", "a", ""}, records_of("\n\na\n\n", "line"))
    end)

    it("finds none in an empty file", function()
      assert.same({}, records_of("", "line"))
    end)

    it("tells where each begins", function()
      write("one\n\nthree")
      assert.same({{0, "one"}, {4, ""}, {5, "three"}}, read("line"))
    end)

    it("grows with a line that is longer than its buffer", function()
      local long = ("x"):rep(3000000)
      assert.same({"a", long, "b"}, records_of("a\n" .. long .. "\nb\n", "line"))
    end)

    it("reads over many buffers", function()
      local lines = {}
      for i = 1, 100000 do lines[i] = "line " .. i end
      assert.same(lines, records_of(table.concat(lines, "\n") .. "\n", "line"))
    end)

    it("gives nothing for an empty split", function()
      write("one\n")
      assert.same({}, read("line", 0, 0))
      assert.same({}, read("line", 4, 0))
    end)

    it("gives nothing for a split inside a long line", function()
      write(("x"):rep(1000000) .. "\n")
      assert.same({}, read("line", 1000, 400000))
    end)
  end)

  describe("of blocks", function()
    it("keeps the newlines", function()
      assert.same({"one\ntwo\n"}, records_of("one\ntwo\n", "block"))
    end)

    it("finds none in an empty file", function()
      assert.same({}, records_of("", "block"))
    end)

    it("gives about a mebibyte of whole lines", function()
      local line = ("x"):rep(99) .. "\n"
      local text = line:rep(30000)
      local blocks = records_of(text, "block")
      assert.equal(text, table.concat(blocks))
      assert.equal(3, #blocks)
      for i = 1, 2 do
        assert.equal(0, #blocks[i] % 100)
        assert.is_true(#blocks[i] >= 1048576 and #blocks[i] < 1048676)
      end
    end)
  end)

  describe("of paragraphs", function()
    it("separates them at empty lines", function()
      assert.same({"a\nb", "c"}, records_of("a\nb\n\nc\n", "paragraph"))
    end)

    it("takes several empty lines for one, and those around the text for none", function()
      assert.same({"a", "b"}, records_of("\n\n\na\n\n\n\nb\n\n\n", "paragraph"))
    end)

    it("finds none among newlines", function()
      assert.same({}, records_of("\n\n\n\n", "paragraph"))
    end)
  end)

  describe("of whole files", function()
    it("gives the text as it is", function()
      assert.same({"a\n\nb\n"}, records_of("a\n\nb\n", "file"))
    end)

    it("gives an empty text for an empty file", function()
      assert.same({""}, records_of("", "file"))
    end)

    it("reads all of a file that is longer than the split says", function()
      write("grown since")
      assert.same({"grown since"}, bare(read("file", 0, 5)))
    end)
  end)

  describe("with a separator", function()
    it("leaves it out", function()
      assert.same({"a", "", "b\n"}, records_of("a;;b\n", ";"))
    end)

    it("finds no record after the last one", function()
      assert.same({"a", "b"}, records_of("a<>b<>", "<>"))
    end)

    it("finds one that two reads cut apart", function()
      local long = ("x"):rep(131071)
      assert.same({long, "y"}, records_of(long .. "<>y", "<>"))
    end)

    it("knows whether a file may be split", function()
      assert.is_true(core.splits("line"))
      assert.is_true(core.splits("block"))
      assert.is_true(core.splits("paragraph"))
      assert.is_true(core.splits("<>"))
      assert.is_false(core.splits("file"))
      assert.is_false(core.splits("--"))
      assert.is_false(core.splits("abcab"))
    end)
  end)

  describe("of every split of a file", function()
    local TEXTS = {
      "one\ntwo\n\nfour", "\n\n\n", "a\r\nb\r\n", "\nx\n", "no newline", "\n\na\nb\n\n\n\nc\nd\n\n",
      "a\0\n\0\n\n", "a<>b<><>cc<>", "<>", "<a<<>b>", "a;;b;c",
    }

    for _, kind in ipairs({"line", "paragraph", "file", "<>", ";"}) do
      it("gives each record once: " .. kind, function()
        for _, text in ipairs(TEXTS) do check_every_split(text, kind) end
      end)

      it("gives each record once when every read is short: " .. kind, function()
        core.testing.fault("sys.pread:short@*")
        check_every_split(TEXTS[1], kind)
        check_every_split(TEXTS[6], kind)
        check_every_split(TEXTS[8], kind)
      end)
    end

    it("gives each line once, in blocks", function()
      for _, text in ipairs(TEXTS) do check_blocks_of_every_split(text) end
      core.testing.fault("sys.pread:short@*")
      check_blocks_of_every_split(TEXTS[1])
    end)
  end)

  describe("when reading goes wrong", function()
    local function ignore() end

    it("reads again after a signal", function()
      write("one\ntwo\n")
      core.testing.fault("sys.pread:EINTR@1,sys.pread:EINTR@2")
      assert.same({"one", "two"}, bare(read("line")))
    end)

    it("tells of a failing disk, after the records before", function()
      write(("x\n"):rep(200000))
      local count = 0
      core.testing.fault("sys.pread:EIO@2")
      assert.has_error(function()
        core.map_split(core.reader(), {path = path}, function() count = count + 1 end, nil, {})
      end, "cannot read '" .. path .. "': Input/output error")
      assert.is_true(count > 0 and count < 200000)
    end)

    it("tells of a failing disk while it seeks its first record", function()
      write("one\ntwo\n")
      core.testing.fault("sys.pread:EIO@*")
      local split = {path = path, offset = 2}
      assert.has_error(function() core.map_split(core.reader(), split, ignore, nil, {}) end,
        "cannot read '" .. path .. "': Input/output error")
    end)

    it("tells of memory that is used up by a long record", function()
      write(("x"):rep(1000000))
      core.testing.fault("sys.realloc:ENOMEM@2+")
      assert.has_error(function()
        core.map_split(core.reader(), {path = path}, ignore, nil, {})
      end, "cannot read '" .. path .. "': Cannot allocate memory")
    end)

    it("ends early when the file has shrunk", function()
      write(("x\n"):rep(200000))
      local count = 0
      core.map_split(core.reader(), {path = path, length = 400000}, function()
        if count == 0 then write("") end
        count = count + 1
      end, nil, {})
      assert.is_true(count > 0 and count < 200000)
    end)
  end)

  it("reads a pipe as one split", function()
    write("")
    os.remove(path)
    assert(os.execute("mkfifo " .. path))
    os.execute("printf 'one\\ntwo\\n' > " .. path .. " &")
    assert.same({"one", "two"}, bare(read("line")))
  end)
end)
