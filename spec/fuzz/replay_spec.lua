local shell = require "spec.support.shell"

local function lines_of(command)
  local lines = {}
  for line in shell.run(command).stdout:gmatch("[^\n]+") do lines[#lines + 1] = line end
  return lines
end

local function replay(target, paths)
  local command = {shell.replay(), target}
  for _, path in ipairs(paths) do command[#command + 1] = path end
  return shell.run(command)
end

local function files_below(folder)
  return lines_of("find " .. folder .. " -type f | sort")
end

local function assert_passes(target, paths)
  local result = replay(target, paths)
  assert.same({status = 0, stdout = table.concat(paths, "\n") .. "\n", stderr = ""}, result)
end

describe("a fuzz target", function()
  local targets = lines_of("basename -a -s .lua spec/fuzz/targets/*.lua")
  local seeds = os.getenv("TMPDIR") .. "/seeds"

  setup(function()
    assert(os.execute(("%s spec/fuzz/seeds.lua %s"):format(shell.interpreter(), seeds)))
  end)
  teardown(function() os.execute("rm -rf " .. seeds) end)

  for _, target in ipairs(targets) do
    it(target .. " takes the inputs that the fuzzer begins with", function()
      local paths = files_below(seeds .. "/" .. target)
      assert.is_true(#paths > 0)
      assert_passes(target, paths)
    end)

    it(target .. " takes what it once failed for", function()
      local paths = files_below("spec/fuzz/regressions/" .. target)
      if #paths > 0 then assert_passes(target, paths) end
    end)
  end

  it("ends the process when it finds something", function()
    local result = shell.run({shell.replay(), "../failing", "Makefile"})
    assert.equal("SIGABRT", result.signal)
    assert.match("fuzz: .*this target always fails", result.stderr)
  end)
end)
