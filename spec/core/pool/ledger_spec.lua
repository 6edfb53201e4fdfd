require "parallel"
local testing = require("parallel.core").testing

describe("ledger", function()
  it("holds the entries of its task, in their order", function()
    assert.equal("onetwothree", testing.ledger(7, {"one", "two", "", "three"}, 7))
    assert.equal("", testing.ledger(7, {}, 7))
  end)

  it("is empty for a reader who expects another task", function()
    assert.equal("", testing.ledger(7, {"one"}, 8))
  end)

  it("gives what was committed or nothing, whichever bit is turned", function()
    local entries = {"a", "bcdefgh", ("ij"):rep(50)}
    local whole, refused = table.concat(entries), 0
    for place = 0, testing.ledger_size - 1 do
      for bit = 0, 7 do
        local read = testing.ledger(7, entries, 7, place, bit)
        assert.is_true(read == whole or read == whole:sub(1, #read) and (read == "" or #read == 8))
        if read == "" then refused = refused + 1 end
      end
    end
    assert.is_true(refused >= 8 * #whole)
  end)
end)
