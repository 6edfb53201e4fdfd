-- The clock on the wall may jump: nothing in the core looks at it.
local files = require "spec.support.files"
local shell = require "spec.support.shell"

describe("the core", function()
  it("measures time by the monotonic clocks only", function()
    for path in shell.run("find core -name '*.[ch]'").stdout:gmatch("%S+") do
      local text = files.read(path)
      for _, other in ipairs({"CLOCK_REALTIME", "gettimeofday", "[^%w_]time%(", "localtime"}) do
        assert.is_nil(text:match(other), path .. " reads another clock")
      end
    end
  end)
end)
