require("parallel")
local files = require("spec.support.files")
local splits = require("parallel.mapreduce.splits")

-- Every byte of each file stands in exactly one split, and every split in exactly one batch.
local function assert_covers(plan, sizes)
  local ends, expected = {}, 1
  for _, split in ipairs(plan.list) do
    assert.equal(ends[split.index] or 0, split.offset)
    ends[split.index] = split.offset + split.length
  end
  for index, size in ipairs(sizes) do assert.equal(size, ends[index] or 0) end
  for _, batch in ipairs(plan.batches) do
    assert.equal(expected, batch.first)
    assert.is_true(batch.last >= batch.first)
    expected = batch.last + 1
  end
  assert.equal(#plan.list + 1, expected)
end

describe("splits of inputs", function()
  it("cover small files, many in a batch", function()
    local paths, sizes = {}, {}
    for i = 1, 10 do
      paths[i], sizes[i] = files.write("small." .. i, ("x"):rep(i)), i
    end
    local plan = splits.of_inputs(paths, {records = "line", workers = 2})
    assert_covers(plan, sizes)
    assert.equal(1, #plan.batches)
    assert.equal(55, plan.bytes)
  end)

  it("cover a big file in several", function()
    local size = 1000000
    local plan = splits.of_inputs({files.write("big", ("x"):rep(size))}, {records = "line", workers = 2})
    assert_covers(plan, {size})
    assert.is_true(#plan.list > 1)
  end)

  it("leave a file whole when it is one record", function()
    local plan = splits.of_inputs({files.write("big", ("x"):rep(1000000))}, {records = "file", workers = 2})
    assert.equal(1, #plan.list)
  end)

  it("leave a packed file whole", function()
    for _, name in ipairs({"big.gz", "big.zst"}) do
      local plan = splits.of_inputs({files.write(name, ("x"):rep(1000000))}, {records = "line", workers = 2})
      assert.equal(1, #plan.list)
    end
  end)

  it("keep files, values and standard input in their order", function()
    local path = files.write("a", "a")
    local plan = splits.of_inputs({1, 2, path, "-", 3}, {records = "line", workers = 1})
    local kinds = {}
    for i, split in ipairs(plan.list) do kinds[i] = split.stream and "stream" or split.path and "file" or split.first end
    assert.same({1, 2, "file", "stream", 3}, kinds)
  end)

  it("walk directories by name", function()
    files.write("shelf/b", "b")
    files.write("shelf/a", "a")
    local plan = splits.of_inputs({files.path("shelf")}, {records = "line", workers = 2})
    assert.equal(files.path("shelf/a"), plan.list[1].path)
    assert.equal(files.path("shelf/b"), plan.list[2].path)
  end)

  it("pass over what is no file in a directory, and take links that are named", function()
    local shelf = files.folder("shelf")
    files.write("shelf/a", "a")
    os.execute(("cd '%s' && ln -s a again && ln -s . round && ln -s none broken && mkfifo pipe"):format(shelf))
    local plan = splits.of_inputs({shelf, shelf .. "/again"}, {records = "line", workers = 2})
    assert.same({shelf .. "/a", shelf .. "/again"}, {plan.list[1].path, plan.list[2].path})
    assert.equal(2, #plan.list)
  end)

  it("raise a message when one cannot be read", function()
    local path = files.path("none")
    local _, message = pcall(splits.of_inputs, {path}, {records = "line", workers = 2})
    assert.equal(("cannot open '%s': No such file or directory"):format(path), message)
  end)
end)

describe("splits of values", function()
  for _, n in ipairs({0, 1, 127, 128, 129, 1000}) do
    it("cover " .. n .. " values", function()
      local values = {}
      for i = 1, n do values[i] = i end
      local plan, expected = splits.of_values(values, {workers = 2}), 1
      for _, split in ipairs(plan.list) do
        assert.equal(expected, split.first)
        expected = split.last + 1
      end
      assert.equal(n + 1, expected)
      assert.equal(n, plan.bytes)
    end)
  end
end)

describe("the name of a split", function()
  it("tells where it stands", function()
    assert.equal("a.txt:10+5", splits.name({path = "a.txt", offset = 10, length = 5}))
    assert.equal("values[3..7]", splits.name({first = 3, last = 7}))
  end)
end)
