local files = require "spec.support.files"

describe("docs/complaints.md", function()
  it("names specs that exist", function()
    local rows = 0
    for path, name in files.read("docs/complaints.md"):gmatch("`(spec/[%w_/]+%.lua)`: ([^\n]-) |\n") do
      local text = assert(files.read(path), path)
      assert.is_truthy(text:find(('it("%s"'):format(name), 1, true), path .. ": " .. name)
      rows = rows + 1
    end
    assert.is_true(rows >= 20)
  end)
end)
