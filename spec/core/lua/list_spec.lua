require "parallel"
local core = require "parallel.core"

describe("list", function()
  it("is cut without a metamethod, holes kept", function()
    assert.same({n = 3, 2, nil, 4}, core.slice({1, 2, nil, 4, 5}, 2, 4))
    assert.same({n = 0}, core.slice({1}, 2, 1))
  end)

  it("is empty when it is made", function()
    assert.same({n = 0}, core.empty_list({1, 2, 3}))
    assert.same({n = 0}, core.empty_list(nil))
  end)
end)
