local shuffle = require("spec.support.shuffle")

local function tsv(key, value)
  return shuffle.text({{{key, value}}}, {combine = "first", format = "tsv"})
end

local function json(key, value)
  return shuffle.text({{{key, value}}}, {combine = "first", format = "json"})
end

local function json_of(value)
  return json("k", value):match('^{"key": "k", "value": (.*)}\n$')
end

describe("tsv", function()
  it("is key, tab, value", function()
    assert.equal("a\t1\n", tsv("a", 1))
    assert.equal("true\tfalse\n", tsv(true, false))
  end)

  it("writes floats as tostring does", function()
    for _, number in ipairs({0.5, 1e300, -2.25, 1 / 3, math.huge}) do
      assert.equal("k\t" .. tostring(number) .. "\n", tsv("k", number))
    end
    if math.type then assert.equal("k\t3.0\n", tsv("k", 3.0)) end
  end)

  it("writes tab, newline and carriage return inside strings as escapes", function()
    assert.equal("a\\tb\tc\\nd\\re\\f\n", tsv("a\tb", "c\nd\re\\f"))
  end)

  it("writes a list of scalars with spaces between", function()
    assert.equal("1 x\ta b\\tc true 2\n", tsv({1, "x"}, {"a", "b\tc", true, 2}))
  end)

  it("writes any other table as JSON", function()
    assert.equal('k\t{"a": 1, "b": [1, {"c": "x"}]}\n', tsv("k", {b = {1, {c = "x"}}, a = 1}))
  end)

  it("writes sets, and lists of tables, too", function()
    local pairs_ = {{"k", 2}, {"k", 1}}
    assert.equal("k\t1 2\n", shuffle.text({pairs_}, {combine = "set", format = "tsv"}))
    pairs_ = {{"k", {a = 1}}, {"k", 1}}
    assert.equal('k\t[{"a": 1}, 1]\n', shuffle.text({pairs_}, {combine = "list", format = "tsv"}))
  end)
end)

describe("json", function()
  it("is an object a line", function()
    assert.equal('{"key": "a", "value": 1}\n', json("a", 1))
    assert.equal('{"key": [1, "b"], "value": [true, "c"]}\n', json({1, "b"}, {true, "c"}))
  end)

  it("escapes what RFC 8259 says", function()
    assert.equal([["\"\\\b\f\n\r\t\u0001\u001f/]] .. "\127\"", json_of("\"\\\b\f\n\r\t\1\31/\127"))
    assert.equal([["\u0000"]], json_of("\0"))
    assert.equal([=[["a\u0000b"]]=], json_of({"a\0b"}))
  end)

  it("keeps UTF-8 and replaces each byte that is none", function()
    local bad = "\239\191\189"
    assert.equal('"\195\164\226\130\172\240\159\152\128"', json_of("\195\164\226\130\172\240\159\152\128"))
    for text, wanted in pairs({
      ["\255a"] = bad .. "a", ["\195"] = bad, ["\192\128"] = bad .. bad, ["\237\160\128"] = bad .. bad .. bad,
      ["\244\144\128\128"] = bad .. bad .. bad .. bad, ["\226\130x"] = bad .. bad .. "x",
      ["\224\159\191"] = bad .. bad .. bad, ["\240\143\191\191"] = bad .. bad .. bad .. bad,
    }) do
      assert.equal('"' .. wanted .. '"', json_of(text))
    end
  end)

  it("writes floats so that they read back the same", function()
    for _, number in ipairs({0.1, 1 / 3, 1e300, 5e-324, 123456.789}) do
      assert.equal(number, tonumber(json_of(number)))
    end
    assert.equal("0.1", json_of(0.1))
  end)

  it("has null for what JSON has no number for", function()
    assert.equal("null", json_of(math.huge))
    assert.equal("null", json_of(0 / 0))
  end)

  it("writes tables with their keys as sorted strings", function()
    assert.equal('{"10": "x", "9": [1], "true": {}, "z": null}',
                 json_of({[10] = "x", [9] = {1}, [true] = {}, z = math.huge}))
  end)

  it("writes sets and lists as arrays, and an empty table as an object", function()
    assert.equal("{}", json_of({}))
    assert.equal('{"key": "k", "value": [1]}\n',
                 shuffle.text({{{"k", 1}}}, {combine = "set", format = "json"}))
  end)

  it("refuses tables that hold themselves", function()
    local loop = {}
    loop.self = loop
    assert.error_matches(function() json("k", loop) end, "cannot write JSON: a table is nested too deep")
  end)

  it("refuses tables with tables as keys", function()
    assert.error_matches(function() json("k", {[{}] = 1}) end,
                         "cannot write JSON: a table has a table as a key")
  end)
end)

describe("lua", function()
  local function loaded(value)
    local text = shuffle.text({{{"k", value}}}, {combine = "first", format = "lua"})
    return assert((loadstring or load)("return {" .. text .. "}"))()[1][2]
  end

  it("reads back as what was written", function()
    local values = {
      1, -7, 0.1, true, false, math.huge, -math.huge, "a\0b\n\"\\\r\127\255", {1, "x", {y = {2}}}, {},
      math.mininteger,
    }
    for _, value in ipairs(values) do assert.same(value, loaded(value)) end
    local nan = loaded(0 / 0)
    assert.is_true(nan ~= nan)
  end)
end)
