-- Every example is run by the command that stands in its first lines, in a folder with small texts.
local lfs = require("lfs")
local files = require("spec.support.files")
local shell = require("spec.support.shell")

local ROOT = os.getenv("PWD")

local TEXTS = {
  ["book.txt"] = "The cat saw the dog.\n\nThe dog saw nothing.\n",
  ["one.txt"] = "A cat, a dog.\n",
  ["two.txt"] = "Two dogs; one cat!\n",
  ["shelf/left.txt"] = "left and right\n",
  ["shelf/right.txt"] = "right\n",
}

-- What the commands print, by example and by the place of the command in it.
local OUTPUTS = {
  ["engines.lua"] = {"3\t2\n10 20 30 40 50\n2\t10\n10\n"},
  ["wordcount.lua"] = {"the\t3\ndog\t2\nsaw\t2\ncat\t1\nnothing\t1\n"},
  ["word_index.lua"] = {
    "and\tshelf/left.txt\nleft\tshelf/left.txt\nright\tshelf/left.txt shelf/right.txt\n",
    '{"key": "a", "value": ["one.txt"]}\n{"key": "cat", "value": ["one.txt", "two.txt"]}\n' ..
      '{"key": "dog", "value": ["one.txt"]}\n{"key": "dogs", "value": ["two.txt"]}\n' ..
      '{"key": "one", "value": ["two.txt"]}\n{"key": "two", "value": ["two.txt"]}\n',
  },
}

-- The commands in the comment that a file begins with.
local function commands_of(path)
  local list = {}
  for line in assert(io.lines(path)) do
    if not line:match("^%-%-") then break end
    list[#list + 1] = line:match("^%-%-    (parallel%-lua .*)")
  end
  return list
end

-- It stands as users type it: in our folder, the program on the path, more files after it.
local function run(text)
  local words = text:gsub(" %.%.%.$", ""):gsub("^parallel%-lua", shell.program())
    :gsub("examples/", ROOT .. "/examples/")
  return shell.run(("cd '%s/files' && %s"):format(os.getenv("TMPDIR"), words))
end

describe("the example", function()
  for name in lfs.dir("examples") do
    if name:match("%.lua$") then
      it(name .. " prints what it should", function()
        local expected = assert(OUTPUTS[name], "this spec does not know what it prints")
        local commands = commands_of("examples/" .. name)
        assert.equal(#expected, #commands)
        for path, text in pairs(TEXTS) do files.write(path, text) end
        for i, text in ipairs(commands) do
          assert.same({stdout = expected[i], stderr = "", status = 0}, run(text))
        end
      end)
    end
  end
end)
