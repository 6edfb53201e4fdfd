local interruption = require "parallel.base.interruption"

describe("an interruption", function()
  it("is passed on by whoever catches errors for others", function()
    for _, text in ipairs({"interrupted", "the process was interrupted", "interrupted!"}) do
      for _, why in ipairs({text, "file.lua:12: " .. text}) do
        assert.error_matches(function() interruption.pass_on(why) end, text, 1, true)
      end
    end
  end)

  it("is nothing that only looks like one", function()
    for _, why in ipairs({"was interrupted!", "interrupted by you", false, {"interrupted"}}) do
      interruption.pass_on(why)
    end
    interruption.pass_on(nil)
  end)
end)
