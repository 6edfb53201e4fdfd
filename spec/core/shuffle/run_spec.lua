local shuffle = require("spec.support.shuffle")
local core = require("parallel.core")
local testing = core.testing

local COMBINERS = {"sum", "count", "min", "max", "mean", "first", "last", "list", "values", "set", "hist", "top:3"}

local function pairs_of(n)
  local list = {}
  for i = 1, n do list[i] = {"key " .. i % 13, i % 2 == 0 and i or i + 0.5} end
  return list
end

-- Everything from emit to the collected result, under the faults of a plan.
local function run_with(plan, combine, list)
  testing.fault(plan)
  local options = {combine = combine, sort = combine ~= "hist" and "value" or "key"}
  local ok, found = pcall(shuffle.run, {list, list}, options)
  testing.fault(nil)
  return ok, found
end

describe("a run", function()
  after_each(function() testing.fault(nil) end)

  it("holds keys and values larger than any buffer", function()
    local long = ("k"):rep(3000000)
    local list = {{long, long .. "v"}, {"a", 1}, {long .. "2", {long, long}}}
    for _, combine in ipairs({"first", "list", "set"}) do
      local found = shuffle.by_key(shuffle.run({list, list}, {combine = combine}))
      assert.is_not_nil(found.a)
      if combine == "first" then
        assert.is_true(found[long] == long .. "v")
        assert.is_true(found[long .. "2"][2] == long)
      end
    end
  end)

  it("is the same when every read and write moves one byte", function()
    for _, combine in ipairs(COMBINERS) do
      local list = pairs_of(60)
      local _, wanted = run_with(nil, combine, list)
      local ok, found = run_with("sys.pread:short@*,sys.pwrite:short@*", combine, list)
      assert.is_true(ok, found)
      assert.same(wanted, found)
    end
  end)

  it("goes on after an interrupted call", function()
    local ok, found = run_with("sys.pread:EINTR@1,sys.pwrite:EINTR@1", "sum", {{"a", 1}})
    assert.is_true(ok, found)
    assert.same({{"a", 2}}, found)
  end)

  it("says so when memory runs out, at whichever allocation", function()
    for _, combine in ipairs(COMBINERS) do
      local list, n, ok = pairs_of(600), 0, false
      while not ok do
        n = n + 1
        assert.is_true(n < 1000)
        local found
        ok, found = run_with(("sys.realloc:ENOMEM@%d"):format(n), combine, list)
        if not ok then assert.matches("not enough memory", tostring(found)) end
      end
      assert.is_true(n > 5)
    end
  end)

  it("can go on emitting after memory ran out", function()
    for _, combine in ipairs(COMBINERS) do
      for n = 1, 8 do
        local file = core.scratch()
        local emit, list = core.emitter({combine = combine, depot = shuffle.depot(file)}), {}
        for i = 1, 300 do list[i] = {"k" .. i, ("v"):rep(20 * i)} end
        if combine == "sum" or combine == "mean" then list = pairs_of(300) end
        testing.fault(("sys.realloc:ENOMEM@%d"):format(n))
        local refused = 0
        for _, pair in ipairs(list) do
          if not pcall(emit, pair[1], pair[2]) then refused = refused + 1 end
        end
        testing.fault(nil)
        assert.is_true(refused <= 1)
        assert.is_true(#shuffle.finish(emit:commit(), {combine = combine, partitions = 1}) > 0)
      end
    end
  end)

  it("says so when the disk is full, and the emitter is empty then", function()
    testing.fault("sys.pwrite:ENOSPC@1")
    local file = core.scratch()
    local emit = core.emitter({combine = "sum", depot = shuffle.depot(file)})
    emit("a", 1)
    assert.error_matches(function() emit:commit() end,
                         "cannot write a run: No space left on device")
    testing.fault(nil)
    emit("b", 2)
    assert.same({{"b", 2}}, shuffle.finish(emit:commit(), {combine = "sum", partitions = 1}))
  end)

  -- Sets and histograms both by numbers and, where a dictionary would not fit, spelled out.
  for _, memory in ipairs({"much", "little"}) do
    it("may be damaged anywhere, and gives an error or a value, with memory that is " .. memory, function()
      for _, combine in ipairs(COMBINERS) do
        local options = {combine = combine, partitions = 1, memory = memory == "little" and 64 or nil}
        local list = {{"alpha", 1}, {"beta", 2.5}, {7, 3}, {{1, "x\0"}, 4}, {"alpha", 9}}
        local runs, file = shuffle.emit({list}, options)
        shuffle.damage(file, function() pcall(shuffle.finish, runs, options) end)
        assert.equal(4, #shuffle.finish(runs, options))
        file:close()
      end
    end)
  end

  for _, format in ipairs({"raw", "tsv", "json", "csv", "lua"}) do
    it("may be damaged anywhere, which is said or gives some text, as " .. format, function()
      for _, combine in ipairs({"first", "set", "hist"}) do
        local options = {combine = combine, partitions = 1, format = format}
        local list = {{"a", "x\0y"}, {true, {1, "z\0", 2.5}}, {{1, "k\0"}, {d = {2}}}, {"c", {}}, {"c", 1}}
        local runs, file = shuffle.emit({list}, options)
        shuffle.damage(file, function()
          local ok, problem = pcall(shuffle.reduce, runs, options)
          if not ok then assert.matches("damaged", tostring(problem)) end
        end)
        file:close()
      end
    end)
  end

  it("that ends too early is an error", function()
    local runs, file = shuffle.emit({{{"a", 1}, {"b", 2}}}, {combine = "sum", partitions = 1})
    file:clear()
    assert.error_matches(function() shuffle.reduce(runs, {combine = "sum", partitions = 1}) end,
                         "cannot read a run: damaged data")
  end)

  it("may have a damaged descriptor, and gives an error or a value", function()
    local runs = shuffle.emit({{{"a", 1}, {"b", 2}}}, {combine = "set", partitions = 2})
    for i = 2, #runs[1] do
      for byte = 0, 255, 5 do
        local damaged = runs[1]:sub(1, i - 1) .. string.char(byte) .. runs[1]:sub(i + 1)
        pcall(shuffle.reduce, {damaged}, {combine = "set", partitions = 2})
      end
      assert.is_false((pcall(shuffle.reduce, {runs[1]:sub(1, i - 1)}, {combine = "set", partitions = 2})))
    end
  end)
end)
