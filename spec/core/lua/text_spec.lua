require("parallel")
local core = require("parallel.core")
local finalizer = require("parallel.base.finalizer")

describe("a text iterator", function()
  it("is one value, which a for loop can call", function()
    assert.equal(1, select("#", core.words("a b")))
    assert.equal("function", type(core.words("a b")))
  end)

  it("ends, and stays at its end", function()
    for _, iterator in ipairs({core.words("a"), core.lines("a"), core.ngrams("a", 1)}) do
      assert.equal("a", iterator())
      assert.is_nil(iterator())
      assert.is_nil(iterator())
    end
  end)

  it("keeps its text", function()
    local function iterate(size)
      local text = {}
      for i = 1, size do text[i] = "Word" end
      return core.words(table.concat(text, " "), "lower")
    end
    for _, size in ipairs({3, 10000}) do
      local words, count = iterate(size), 0
      for word in words do
        if count % 1000 == 0 then collectgarbage() end
        assert.equal("word", word)
        count = count + 1
      end
      assert.equal(size, count)
    end
  end)

  it("runs beside others", function()
    local a, b = core.words("A b", "lower"), core.words("C d", "lower")
    assert.same({"a", "c", "b", "d"}, {a(), b(), a(), b()})
  end)

  it("gives each word of more than its vocabulary holds, again and again", function()
    local words = {}
    for i = 1, 10000 do words[i] = (i % 7 == 0 and "abcdefghijklmnop" or "w") .. ("xyzuv"):rep(i % 5):sub(i % 3) .. i end
    local text = table.concat(words, " "):gsub("%d", function(digit) return string.char(97 + digit) end)
    local expected = {}
    for word in text:gmatch("%l+") do expected[#expected + 1] = word end
    for _ = 1, 3 do
      local n = 0
      for word in core.words(text) do
        n = n + 1
        if word ~= expected[n] then assert.equal(expected[n], word) end
        if n % 2500 == 0 then collectgarbage() end
      end
      assert.equal(#expected, n)
    end
  end)

  it("may be asked for words by a finalizer, in the middle of a word", function()
    local function drop()
      finalizer.new(function() for _ in core.words("one two three") do end end)
    end
    local n = 0
    for word in core.words(("one two three four "):rep(2000)) do
      n = n + 1
      if n % 10 == 0 then drop() end
      local expected = ({"one", "two", "three", "four"})[(n - 1) % 4 + 1]
      if word ~= expected then assert.equal(expected, word) end
    end
    assert.equal(8000, n)
  end)

  it("takes a number for a text", function()
    assert.equal("12", core.lines(12)())
  end)

  it("gives its memory back", function()
    local function resident()
      local file = assert(io.open("/proc/self/statm"))
      local _, pages = file:read("*n", "*n")
      file:close()
      return pages * 4096
    end
    local text = ("A"):rep(2 ^ 20)
    local before = resident()
    for _ = 1, 400 do
      core.words(text, "lower")()
      collectgarbage()
    end
    assert.is_true(resident() - before < 320 * 2 ^ 20) -- a sanitizer keeps 256 of them
  end)
end)

describe("text helpers", function()
  it("refuse what is not a text", function()
    assert.has_error(function() core.words(nil) end,
      "bad argument #1 to 'words' (string expected, got nil)")
    assert.has_error(function() core.lines({}) end,
      "bad argument #1 to 'lines' (string expected, got table)")
    assert.has_error(function() core.fields() end,
      "bad argument #1 to 'fields' (string expected, got no value)")
  end)

  it("refuse a folding other than lower", function()
    assert.has_error(function() core.words("a", "upper") end,
      "bad argument #2 to 'words' (\"lower\" or nil expected)")
    assert.has_error(function() core.ngrams("a", 1, "upper") end,
      "bad argument #3 to 'ngrams' (\"lower\" or nil expected)")
    assert.has_error(function() core.words("a", true) end,
      "bad argument #2 to 'words' (string expected, got boolean)")
  end)

  it("refuse zero as an extra byte", function()
    assert.has_error(function() core.words("a", nil, "\0") end,
      "bad argument #3 to 'words' (a zero byte cannot be part of a word)")
  end)

  it("refuse n-grams of less than one word", function()
    assert.has_error(function() core.ngrams("a", 0) end,
      "bad argument #2 to 'ngrams' (at least one word is needed)")
    assert.has_error(function() core.ngrams("a") end,
      "bad argument #2 to 'ngrams' (number expected, got no value)")
  end)
end)

describe("fields", function()
  it("are what stands between separators", function()
    assert.same({"a", "b", "c"}, core.fields("a,b,c", ","))
    assert.same({"a", "b"}, core.fields("a::b", "::"))
  end)

  it("may be empty", function()
    assert.same({"", "a", "", ""}, core.fields(",a,,", ","))
    assert.same({""}, core.fields("", ","))
  end)

  it("may hold zero bytes, and be separated by them", function()
    assert.same({"a\0b", "c"}, core.fields("a\0b,c", ","))
    assert.same({"a", "b"}, core.fields("a\0b", "\0"))
  end)

  it("are plain text: a separator is no pattern", function()
    assert.same({"a", "b"}, core.fields("a.b", "."))
    assert.same({"ab"}, core.fields("ab", "%w"))
  end)

  it("are separated by blanks as in awk without a separator", function()
    assert.same({"a", "b", "c"}, core.fields("  a\tb \n c\n"))
    assert.same({}, core.fields(" \t\n"))
    assert.same({}, core.fields(""))
    assert.same({"a\r"}, core.fields("a\r\n"))
  end)

  it("need a separator that is not empty", function()
    assert.has_error(function() core.fields("a", "") end,
      "bad argument #2 to 'fields' (the separator is empty)")
  end)
end)
