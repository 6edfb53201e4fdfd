require("parallel")
local files = require("spec.support.files")
local testing = require("parallel.core").testing

local boxes

local function keep(box, ...)
  if box then boxes[#boxes + 1] = box end
  return box, ...
end

describe("a segment", function()
  before_each(function() boxes = {} end)
  after_each(function()
    testing.fault(nil)
    for _, box in ipairs(boxes) do box:close() end
  end)

  it("is zeroed memory of the size asked for", function()
    local box = keep(testing.box(5000))
    assert.equal(5000, box:size())
    assert.equal(("\0"):rep(5000), box:read(0, 5000))
  end)

  it("is the same memory for all who open its descriptor", function()
    local one = keep(testing.box(10))
    local two = keep(testing.open_box(one:fd()))
    one:write(3, "abc")
    assert.equal("\0abc\0", two:read(2, 5))
    assert.equal(10, two:size())
  end)

  it("grows, keeping what it holds, and for others when they look", function()
    local one = keep(testing.box(4))
    local two = keep(testing.open_box(one:fd()))
    one:write(0, "four")
    assert.is_true(one:grow(100000))
    one:write(99999, "!")
    assert.equal(4, two:size())
    assert.is_true(two:refresh())
    assert.equal("four\0", two:read(0, 5))
    assert.equal("!", two:read(99999, 1))
  end)

  it("never gets smaller, whoever tries", function()
    local box = keep(testing.box(8192))
    local other = keep(testing.open_box(box:fd()))
    assert.is_true(box:grow(100))
    assert.equal(8192, box:size())
    assert.same({nil, "Operation not permitted"}, {box:shorten(1)})
    assert.is_true(other:grow(16384))
    assert.is_true(box:grow(10000)) -- it has more already
    assert.equal(16384, box:size())
  end)

  it("is closed with the process's last hold on it, twice if need be", function()
    local box = testing.box(1)
    box:close()
    box:close()
    assert.has_error(function() box:size() end, "attempt to use a closed box")
  end)

  it("has at least a byte", function()
    assert.same({nil, "Invalid argument"}, {testing.box(0)})
    local file = io.open(files.write("empty", ""))
    assert.is_not_nil(file)
    local empty = require("parallel.core").scratch()
    assert.same({nil, "Invalid argument"}, {testing.open_box(empty:fd())})
    empty:close()
    file:close()
  end)

  for plan, why in pairs({
    ["sys.memfd_create:EMFILE@1"] = "Too many open files", ["sys.ftruncate:ENOSPC@1"] = "No space left on device",
    ["sys.mmap:ENOMEM@1"] = "Cannot allocate memory", ["sys.fstat:EIO@1"] = "Input/output error",
  }) do
    it("leaves nothing behind when it cannot be made: " .. plan, function()
      testing.fault(plan)
      assert.same({nil, why}, {testing.box(10)})
    end)
  end

  it("is as it was when it cannot grow", function()
    local box = keep(testing.box(10))
    box:write(0, "contents")
    for _, plan in ipairs({"sys.ftruncate:ENOSPC@1", "sys.mmap:ENOMEM@1", "sys.fstat:EIO@1"}) do
      testing.fault(plan)
      assert.is_nil((box:grow(1000000)))
      assert.equal("contents\0\0", box:read(0, 10))
    end
    testing.fault(nil)
    assert.is_true(box:grow(1000000))
  end)

  it("works where the kernel has no memfd, and leaves no file", function()
    testing.fault("sys.memfd_create:ENOSYS@*,sys.fcntl:EINVAL@1")
    local box = keep(testing.box(10))
    box:write(0, "x")
    assert.is_true(box:grow(100))
    assert.equal("x", box:read(0, 1))
  end)
end)
