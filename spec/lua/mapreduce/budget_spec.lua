local budget = require("parallel.mapreduce.budget")
local files = require("spec.support.files")
local shell = require("spec.support.shell")

local MIB = 2 ^ 20

-- A folder with these files; the paths are those of a system.
local function system(contents)
  local root = files.folder("root")
  for path, text in pairs(contents) do
    shell.run({"mkdir", "-p", root .. path:match("(.*)/")})
    files.write("root" .. path, text)
  end
  return root
end

local MEMINFO = "MemTotal:       2048000 kB\nMemFree:           10 kB\nMemAvailable:    1024000 kB\n"

describe("the memory that is free", function()
  it("is what the system could give", function()
    assert.equal(1000 * MIB, budget.free(system({["/proc/meminfo"] = MEMINFO})))
  end)

  it("is not more than the control group leaves, nor one around it", function()
    assert.equal(100 * MIB, budget.free(system({
      ["/proc/meminfo"] = MEMINFO,
      ["/proc/self/cgroup"] = "0::/outer/inner\n",
      ["/sys/fs/cgroup/outer/inner/memory.max"] = "max\n",
      ["/sys/fs/cgroup/outer/inner/memory.current"] = "1000\n",
      ["/sys/fs/cgroup/outer/memory.max"] = tostring(300 * 1048576) .. "\n",
      ["/sys/fs/cgroup/outer/memory.current"] = tostring(200 * 1048576) .. "\n",
    })))
  end)

  it("is not more than a control group of the first version leaves", function()
    assert.equal(28 * MIB, budget.free(system({
      ["/proc/meminfo"] = MEMINFO,
      ["/proc/self/cgroup"] = "7:cpu:/x\n5:memory:/job\n",
      ["/sys/fs/cgroup/memory/job/memory.limit_in_bytes"] = tostring(64 * 1048576) .. "\n",
      ["/sys/fs/cgroup/memory/job/memory.usage_in_bytes"] = tostring(36 * 1048576) .. "\n",
    })))
  end)

  it("is unknown where nothing tells", function()
    assert.is_nil(budget.free(system({["/proc/other"] = ""})))
  end)
end)

describe("a budget", function()
  it("is not more in all workers together than was asked for", function()
    for _, workers in ipairs({1, 2, 16}) do
      for _, stream in ipairs({false, true}) do
        local made = budget.new(64 * MIB, workers, stream)
        assert.equal(64 * MIB, made.total)
        assert.is_true(workers * (made.merge + made.files) + made.held <= made.total)
        assert.is_true(made.table <= made.merge)
      end
    end
  end)

  it("leaves each worker enough to get on", function()
    assert.is_true(budget.new(1, 8, true).table > 64 * 1024)
  end)

  it("is some of what is free when nothing was asked for", function()
    assert.is_true(budget.new(nil, 1).total > 0)
  end)

  it("has blocks that many of fit where runs are merged", function()
    assert.equal(4096, budget.new(MIB, 4).block)
    assert.equal(65536, budget.new(1024 * MIB, 1).block)
  end)
end)
