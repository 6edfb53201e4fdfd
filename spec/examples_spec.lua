-- Every example is run by the command that stands in its first lines, in a folder with small texts.
local lfs = require("lfs")
local files = require("spec.support.files")
local shell = require("spec.support.shell")

local ROOT = os.getenv("PWD")

local TEXTS = {
  ["book.txt"] = "The cat saw the dog.\n\nThe dog saw nothing.\n",
  ["one.txt"] = "A cat, a dog.\n",
  ["two.txt"] = "Two dogs; one cat!\n",
  ["numbers.txt"] = "3\n14\n15\n92\n",
  ["users.tsv"] = "1\tann\n2\tbob\n3\tcy\n",
  ["orders.tsv"] = "1\tbook\n3\tpen\n1\tcup\n9\tnone\n",
  ["access.log"] = '192.0.2.1 - - [x] "GET /a HTTP/1.1" 200 100\n192.0.2.1 - - [x] "GET /a HTTP/1.1" 200 300\n' ..
    '192.0.2.2 - - [x] "POST /b HTTP/1.1" 404 20\nnonsense\n',
  ["shelf/left.txt"] = "left and right\n",
  ["shelf/right.txt"] = "right\n",
}

-- What the commands print, by example and by the place of the command in it.
local OUTPUTS = {
  ["access_log.lua"] = {"/a\t2 400 300\n/b\t1 20 20\n", "/a,2 400 300\n"},
  ["download_workers.lua"] = {
    "1 200 100 bytes\n2 200 200 bytes\n3 200 300 bytes\n4 200 400 bytes\n5 200 500 bytes\n6 200 600 bytes\n",
  },
  ["engines.txt"] = {"3\t2\n10 20 30 40 50\n2\t10\n10\ntrue\n"},
  ["collatz.lua"] = {
    "  0 to  19  ***\n" ..
    " 20 to  39  *************************\n" ..
    " 40 to  59  ****************************************\n" ..
    " 60 to  79  *********************************\n" ..
    " 80 to  99  *********************\n" ..
    "100 to 119  ******************\n" ..
    "120 to 139  **************************\n" ..
    "140 to 159  *********************\n" ..
    "160 to 179  ************\n" ..
    "180 to 199  ******\n" ..
    "200 to 219  **\n" ..
    "220 to 239  *\n" ..
    "240 to 259  *\n" ..
    "260 to 279  *\n",
  },
  ["grid_search.lua"] = {"y = 3.00 x + 1.00 with step 0.5 and 1000 rounds\n"},
  ["histogram.lua"] = {
    "    0 ..    10 * 1\n   10 ..    20 ** 2\n   90 ..   100 * 1\n",
    "    0 ..    50 *** 3\n   50 ..   100 * 1\n",
  },
  ["join.lua"] = {"1\tann book\n1\tann cup\n3\tcy pen\n"},
  ["loader.lua"] = {
    "epoch 1: files 2, batches 2, letters 17, of which e 1\n" ..
      "epoch 2: files 2, batches 2, letters 17, of which e 1\n",
  },
  ["mandelbrot.lua"] = {
    "",
    "   ...::::::--=@=-::....\n" ..
    "  .::::::---=+@@@*=-::..\n" ..
    " .:::::-==+#@@@@@@@@=:::\n" ..
    " :--==#@@@@@@@@@@@@@*-::\n" ..
    " @@@@@@@@@@@@@@@@@@@=-::\n" ..
    " :--==#@@@@@@@@@@@@@*-::\n" ..
    " .:::::-==+#@@@@@@@@=:::\n" ..
    "  .::::::---=+@@@*=-::..\n" ..
    "   ...::::::--=@=-::....\n",
  },
  ["pipeline.lua"] = {"the dog\t2\ncat saw\t1\ndog saw\t1\ndog the\t1\nsaw nothing\t1\n"},
  ["sort_lines.lua"] = {
    "\n14\n15\n3\n92\nThe cat saw the dog.\nThe dog saw nothing.\n", "92\n3\n15\n14\n",
  },
  ["top_ngrams.lua"] = {
    "cat saw the\t1\ndog saw nothing\t1\nsaw the dog\t1\n", "the dog\t2\ncat saw\t1\n",
  },
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
  for line in files.read(path):gmatch("([^\n]*)\n") do
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

-- Servers, and what else does not just print something and end.
local function has_own_spec(name)
  return lfs.attributes("spec/examples/" .. name:gsub("%.lua$", "_spec.lua"), "mode") ~= nil
end

describe("the example", function()
  for name in lfs.dir("examples") do
    if (name:match("%.lua$") or name:match("%.txt$")) and not has_own_spec(name) then
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
