require("parallel")
local halt = require("parallel.mapreduce.halt")

describe("a rule when to halt", function()
  for text, cases in pairs({
    ["now,fail=1"] = {{0, 9, false}, {1, 9, true}},
    ["soon,fail=3"] = {{2, 9, false}, {3, 9, true}, {4, 9, true}},
    ["now,fail=50%"] = {{1, 3, false}, {2, 4, true}, {2, 3, true}},
    ["soon,fail=100%"] = {{2, 3, false}, {3, 3, true}},
    ["never"] = {{9, 9, false}},
  }) do
    it("reads " .. text, function()
      for _, case in ipairs(cases) do
        assert.equal(case[3], halt.rule(text):is_reached(case[1], case[2]))
      end
    end)
  end

  it("is to stop at once at the first failure unless something is said", function()
    assert.equal("now", halt.rule(nil).when)
    assert.is_true(halt.rule(nil):is_reached(1, 1000))
  end)

  for _, text in ipairs({"", "now", "now,fail", "now,fail=0", "soon,fail=0%", "now,fail=101%", "later,fail=1",
                         "never,fail=1", "now,fail=1.5", "now,fail=-1", "now,fail=1%%", " never"}) do
    it("is not read from '" .. text .. "'", function() assert.is_nil(halt.rule(text)) end)
  end
end)
