require("parallel")
local core = require("parallel.core")

local function collect(iterator)
  local list = {}
  for token in iterator do list[#list + 1] = token end
  return list
end

-- What words is to do, in Lua.
local function words_by_gmatch(text, lower, extra)
  local list = {}
  local class = "[a-zA-Z" .. (extra or ""):gsub("%W", "%%%0") .. "]+"
  for word in text:gmatch(class) do
    if lower then word = word:gsub("[A-Z]", string.lower) end
    list[#list + 1] = word
  end
  return list
end

local ALPHABET = "aaabcdeeeezABZ   \n\t.,'_-09\0\127\128\225\255@[`{"

local function random_text(size)
  local bytes = {}
  for i = 1, size do
    local at = math.random(#ALPHABET)
    bytes[i] = ALPHABET:sub(at, at)
  end
  return table.concat(bytes)
end

describe("words", function()
  it("are runs of letters", function()
    assert.same({"It", "s", "an", "x"}, collect(core.words("It's 4 an_x...")))
  end)

  it("are folded when asked", function()
    assert.same({"hello", "lower", "z"}, collect(core.words("HeLLo lower Z", "lower")))
  end)

  it("may hold other bytes", function()
    assert.same({"it's", "an_x9"}, collect(core.words("It's @an_X9", "lower", "'_0123456789")))
  end)

  it("may hold bytes beyond ASCII, which are not folded", function()
    assert.same({"\195\132rger"}, collect(core.words("\195\132RGER!", "lower", "\195\132")))
  end)

  it("are letters still when they are also named as extra", function()
    assert.same({"ab"}, collect(core.words("AB", "lower", "Aa")))
  end)

  it("end with the text", function()
    assert.same({}, collect(core.words("")))
    assert.same({}, collect(core.words("12 34")))
    assert.same({"a"}, collect(core.words("a")))
  end)

  it("are those that gmatch finds, in any text", function()
    math.randomseed(42)
    for size = 0, 300 do
      local text = random_text(size)
      for _, extra in ipairs({"", "_", "'-0123456789", " \n", "\128\255"}) do
        assert.same(words_by_gmatch(text, false, extra), collect(core.words(text, nil, extra)))
        assert.same(words_by_gmatch(text, true, extra), collect(core.words(text, "lower", extra)))
      end
    end
  end)

  it("are whole wherever they stand, whatever their size", function()
    for start = 0, 70 do
      for size = 1, 140 do
        local word = ("Ab"):rep(70):sub(1, size)
        local text = (" "):rep(start) .. word .. " C"
        assert.same({word, "C"}, collect(core.words(text)))
        assert.same({word:lower(), "c"}, collect(core.words(text, "lower")))
      end
    end
  end)

  it("are found in a long text, long ones too", function()
    local long = ("Ab"):rep(100000)
    local text = long .. " " .. random_text(100000) .. " " .. long
    assert.same(words_by_gmatch(text, true), collect(core.words(text, "lower")))
    assert.same(words_by_gmatch(text, false), collect(core.words(text)))
  end)

  describe("when memory runs out", function()
    after_each(function() core.testing.fault(nil) end)

    it("raise an error, and can be tried again", function()
      local text = ("A"):rep(1000)
      local words = core.words(text, "lower")
      core.testing.fault("sys.realloc:ENOMEM@1")
      assert.has_error(words, "not enough memory")
    end)
  end)
end)

describe("lines", function()
  it("end with a newline or the text", function()
    assert.same({"a", "", "b\r", "c"}, collect(core.lines("a\n\nb\r\nc")))
    assert.same({"a", ""}, collect(core.lines("a\n\n")))
  end)

  it("are none in an empty text", function()
    assert.same({}, collect(core.lines("")))
  end)
end)

describe("ngrams", function()
  it("are words in a row, joined by a space", function()
    assert.same({"to be", "be or", "or not"}, collect(core.ngrams("to be,\n or -- not", 2)))
    assert.same({"a b c", "b c d"}, collect(core.ngrams("a b c d", 3)))
  end)

  it("are words when n is one", function()
    assert.same({"a", "b"}, collect(core.ngrams("a b", 1)))
  end)

  it("are folded, and hold other bytes, as words do", function()
    assert.same({"it's me"}, collect(core.ngrams("It's ME!", 2, "lower", "'")))
  end)

  it("are none when there are too few words", function()
    assert.same({}, collect(core.ngrams("a b", 3)))
    assert.same({}, collect(core.ngrams("", 1)))
    assert.same({}, collect(core.ngrams("a b c", 2 ^ 40)))
  end)

  it("are found in a long text", function()
    math.randomseed(7)
    local text = random_text(20000)
    local words, expected = words_by_gmatch(text, true), {}
    for i = 1, #words - 2 do expected[i] = table.concat(words, " ", i, i + 2) end
    assert.same(expected, collect(core.ngrams(text, 3, "lower")))
  end)
end)
