local shuffle = require("spec.support.shuffle")
local core = require("parallel.core")
local testing = core.testing

local function result_of(list, options)
  local runs = shuffle.emit({list}, options)
  local outputs, file = shuffle.reduce(runs, options)
  return core.result(outputs, options), file
end

describe("a result", function()
  after_each(function() testing.fault(nil) end)

  it("can be read again from the start", function()
    local result, file = result_of({{"a", 1}, {"b", 2}}, {combine = "sum"})
    assert.equal("a", (result:next()))
    local copy = result:copy()
    assert.same({{"a", 1}, {"b", 2}}, shuffle.collect(copy))
    assert.is_nil((copy:next()))
    assert.equal(2, copy:count())
    assert.same({{"b", 2}}, shuffle.collect(result))
    file:close()
  end)

  it("cannot be used when it is closed, which may be done twice", function()
    local result = result_of({{"a", 1}}, {combine = "sum"})
    result:close()
    result:close()
    assert.error_matches(function() result:next() end, "attempt to use a closed result")
  end)

  it("writes more text than any buffer holds", function()
    local list, wanted = {}, {}
    for i = 1, 20000 do
      list[i] = {("key %05d"):format(i), i}
      wanted[i] = ("key %05d\t%d\n"):format(i, i)
    end
    assert.equal(table.concat(wanted), shuffle.text({list}, {combine = "sum", format = "tsv"}))
  end)

  it("writes on when a write is short or interrupted", function()
    local result, file = result_of({{"a", 1}, {"b", 2}}, {combine = "sum", format = "tsv"})
    local target = core.scratch()
    testing.fault("sys.write:short@1,sys.write:EINTR@2,sys.pwritev2:EOPNOTSUPP@*")
    assert.is_true(result:write(target:fd()))
    assert.equal("a\t1\nb\t2\n", shuffle.contents(target))
    file:close()
  end)

  it("returns what hinders a write", function()
    local result, file = result_of({{"a", 1}}, {combine = "sum", format = "tsv"})
    testing.fault("sys.write:ENOSPC@1,sys.pwritev2:ENOSPC@1")
    local ok, message, errno = result:write(core.scratch():fd())
    assert.is_nil(ok)
    assert.equal("No space left on device", message)
    assert.equal(28, errno)
    file:close()
  end)

  for name, options in pairs({
    ["one value"] = {combine = "first"}, ["a set"] = {combine = "set"}, ["a histogram"] = {combine = "hist"},
    ["one value, sorted"] = {combine = "first", sort = "key"}, text = {combine = "set", format = "json"},
  }) do
    it("of " .. name .. " for each key may be damaged anywhere, which is said or gives a value", function()
      options.partitions = 1
      local list = {{"a", 1}, {"b", "x\0y"}, {7, {1, "z\0", 2.5}}, {{1, "k\0"}, true}, {"c", {d = {2}}}}
      local runs, run_file = shuffle.emit({list}, options)
      local outputs, file = shuffle.reduce(runs, options)
      local target = core.scratch()
      local function read()
        local result = core.result(outputs, options)
        if options.format then assert(result:write(target:fd())) else shuffle.collect(result) end
        result:close()
      end
      shuffle.damage(file, function()
        local ok, problem = pcall(read)
        if not ok then assert.matches("damaged", tostring(problem)) end
      end)
      read()
      for _, one in ipairs({file, run_file, target}) do one:close() end
    end)
  end

  it("is either text or values", function()
    local text, text_file = result_of({{"a", 1}}, {combine = "sum", format = "json"})
    local values, value_file = result_of({{"a", 1}}, {combine = "sum"})
    assert.error_matches(function() text:next() end, "these results are text")
    assert.error_matches(function() values:write(1) end, "these results are values")
    text_file:close()
    value_file:close()
  end)

  it("may be damaged, and gives an error or a value", function()
    local runs = shuffle.emit({{{"a", {1, "x"}}, {"b", "y"}}}, {combine = "first", partitions = 1})
    local outputs, file = shuffle.reduce(runs, {combine = "first", partitions = 1, sort = "value"})
    local bytes = shuffle.contents(file)
    local handle = assert(io.open("/proc/self/fd/" .. file:fd(), "r+b"))
    handle:setvbuf("no")
    for i = 1, #bytes do
      for byte = 0, 255, 3 do
        handle:seek("set", i - 1)
        handle:write(string.char(byte))
        pcall(function() shuffle.collect(core.result(outputs)) end)
      end
      handle:seek("set", i - 1)
      handle:write(bytes:sub(i, i))
    end
    handle:close()
    assert.same({{"b", "y"}, {"a", {1, "x"}}}, shuffle.collect(core.result(outputs)))
  end)
end)
