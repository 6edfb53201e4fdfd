-- The manual page, which is made from what --help prints.
local files = require("spec.support.files")
local shell = require("spec.support.shell")

local function page()
  files.write("here", "")
  return shell.run({shell.program(), "scripts/manual.lua"})
end

describe("the manual page", function()
  it("has every option of --help", function()
    local text = page().stdout
    local help, count = shell.run({shell.program(), "--help"}).stdout, 0
    for name in help:gmatch("%-%-(%l[%l-]+)") do
      count = count + 1
      assert.match("\nFl -" .. name, text:gsub("%.It ", "\n"):gsub(" , Fl", "\nFl"), 1, true)
    end
    assert.is_true(count > 30)
  end)

  it("has the commands and every exit status", function()
    local text = page().stdout
    for _, word in ipairs({"check", "doctor", "completion"}) do assert.match("\n.Cm " .. word, text, 1, true) end
    for _, status in ipairs({"0", "1", "2", "3", "128+n"}) do assert.match("\n.It " .. status .. "\n", text, 1, true) end
  end)

  it("is laid out by groff without complaint", function()
    local result = shell.run({"sh", "-c", "'" .. shell.program() ..
      "' scripts/manual.lua | env -u LD_PRELOAD groff -mdoc -Tutf8 -P-c -P-b -P-u -ww"})
    assert.same({"", 0}, {result.stderr, result.status})
    assert.match("\n *%-j, %-%-jobs N\n", result.stdout)
    assert.match("emit:all(words(record, \"lower\"))' --reduce sum", result.stdout, 1, true)
  end)
end)
