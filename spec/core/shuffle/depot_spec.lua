-- Runs on disk: in blocks, each of which proves that it is whole.
local files = require("spec.support.files")
local shuffle = require("spec.support.shuffle")
local core = require("parallel.core")

local function on_disk(options)
  local file = assert(core.scratch(files.folder("spill")))
  options = options or {}
  options.disk = file:fd()
  return core.depot(options), file
end

local function commit(depot, combine, list)
  local emit = core.emitter({combine = combine, partitions = 1, depot = depot})
  for _, pair in ipairs(list) do emit(pair[1], pair[2]) end
  return emit:commit()
end

-- As much as makes several blocks, and compresses.
local function some_pairs(n)
  local list = {}
  for i = 1, n do list[i] = {("a key %d"):format(i * 7919 % 1009), ("value %d"):format(i % 10)} end
  return list
end

local function with_bytes(file, f)
  local handle = assert(io.open("/proc/self/fd/" .. file:fd(), "r+b"))
  handle:setvbuf("no")
  f(handle, shuffle.contents(file))
  handle:close()
end

local function read(runs, combine) return shuffle.finish(runs, {combine = combine, partitions = 1}) end

describe("a run on disk", function()
  for _, combine in ipairs({"count", "list", "set", "hist"}) do
    for _, block in ipairs({64, 4096, 65536}) do
      it(("is as one in memory, for %s in blocks of %d"):format(combine, block), function()
        local list = some_pairs(2000)
        local wanted = shuffle.run({list}, {combine = combine, partitions = 1})
        local depot, file = on_disk({block = block})
        assert.same(wanted, read(commit(depot, combine, list), combine))
        file:close()
      end)
    end
  end

  it("holds a record that is larger than a block", function()
    local depot, file = on_disk({block = 64})
    local long = ("long "):rep(10000)
    assert.same({{"k", {long, long}}}, read(commit(depot, "list", {{"k", long}, {"k", long}}), "list"))
    file:close()
  end)

  it("is never taken for another when a byte of it is changed", function()
    local depot, file = on_disk({block = 256})
    local runs = commit(depot, "set", some_pairs(100))
    with_bytes(file, function(handle, bytes)
      for i = 1, #bytes do
        handle:seek("set", i - 1)
        handle:write(string.char((bytes:byte(i) + 1) % 256))
        assert.error_matches(function() read(runs, "set") end, "cannot read a run: spill file damaged")
        handle:seek("set", i - 1)
        handle:write(bytes:sub(i, i))
      end
    end)
    assert.equal(100, #read(runs, "set"))
    file:close()
  end)

  it("is damaged when a block stands in another's place", function()
    local depot, file = on_disk({block = 64})
    local letters = {}
    for i = 1, 60 do letters[i] = string.char(64 + i) end -- nothing to be packed, and a block each
    local key = table.concat(letters)
    local runs = commit(depot, "count", {{key, 1}, {key:reverse(), 1}})
    with_bytes(file, function(handle, bytes)
      assert.equal(160, #bytes)
      handle:seek("set", 0)
      handle:write(bytes:sub(81), bytes:sub(1, 80))
    end)
    assert.error_matches(function() read(runs, "count") end, "spill file damaged")
    file:close()
  end)

  it("is damaged when its file ends too early", function()
    local depot, file = on_disk()
    local runs = commit(depot, "count", some_pairs(10))
    file:clear()
    assert.error_matches(function() read(runs, "count") end, "spill file damaged")
    file:close()
  end)
end)

describe("a depot", function()
  it("puts on disk what memory has no room for", function()
    local memory, made = core.scratch(), {}
    local depot, disk = on_disk({memory = memory:fd(), most = 20000})
    for i = 1, 10 do made[i] = commit(depot, "list", {{i, ("x"):rep(5000)}})[1] end
    assert.is_true(memory:size() > 10000 and memory:size() <= 20000)
    assert.is_true(disk:size() > 0)
    assert.equal(10, #read(made, "list"))
    memory:close()
    disk:close()
  end)

  it("tells why it has no disk when it needs one", function()
    local memory = core.scratch()
    local depot = core.depot({memory = memory:fd(), most = 10, place = "/here", refusal = 2})
    assert.error_matches(function() commit(depot, "list", some_pairs(10)) end,
                         "cannot write a run in '/here': No such file or directory")
    memory:close()
  end)

  it("needs a file", function()
    assert.error_matches(function() core.depot({}) end, "a depot needs a file")
    assert.error_matches(function() core.depot({memory = 1, block = 0}) end, "block is out of range")
  end)
end)

describe("an emitter with little memory", function()
  it("writes runs as it goes, and says which at the next commit", function()
    local file = core.scratch()
    local emit = core.emitter({combine = "sum", memory = 50000, depot = shuffle.depot(file)})
    for i = 1, 10000 do emit(i % 5000, 1) end
    assert.is_true(emit:bytes() <= 50000)
    local runs = emit:commit()
    assert.is_true(#runs > 3)
    assert.same({}, emit:commit())
    local list = read(runs, "sum")
    assert.equal(5000, #list)
    for _, pair in ipairs(list) do assert.equal(2, pair[2]) end
    file:close()
  end)

  it("merges what it cannot merge at once in several passes", function()
    local file, made = core.scratch(), {}
    for i = 1, 50 do made[i] = commit(shuffle.depot(file), "list", {{"k", i}, {i, "once"}})[1] end
    local list = shuffle.finish(made, {combine = "list", partitions = 1, memory = 4096, sort = "key"})
    assert.equal(51, #list)
    assert.equal(50, #list[51][2])
    file:close()
  end)
end)
