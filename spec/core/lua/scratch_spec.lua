local core = require("parallel.core")
local files = require("spec.support.files")
local lfs = require("lfs")
local testing = core.testing

local folder, opened

local function scratch(...)
  local file = assert(core.scratch(...))
  opened[#opened + 1] = file
  return file
end

local function names_in(path)
  local names = {}
  for name in lfs.dir(path) do
    if not name:match("^%.") then names[#names + 1] = name end
  end
  return names
end

describe("a scratch file", function()
  before_each(function()
    folder, opened = files.path("folder"), {}
    assert(lfs.mkdir(folder))
  end)

  after_each(function()
    testing.fault(nil)
    for _, file in ipairs(opened) do file:close() end
    lfs.rmdir(folder)
  end)

  -- Not every file system, or kernel, makes files without a name.
  for _, plan in ipairs({"", "sys.open:EOPNOTSUPP@1"}) do
    it("has no name " .. plan, function()
      testing.fault(plan)
      local file = scratch(folder)
      assert.same({}, names_in(folder))
      assert.is_true(core.write(file:fd(), "text"))
      assert.equal(4, file:size())
    end)
  end

  it("says why it cannot be made or used", function()
    testing.fault("sys.open:EIO@1,sys.ftruncate:EIO@1,sys.fstat:EIO@1,sys.open:EOPNOTSUPP@1")
    assert.same({nil, "cannot make a scratch file: Input/output error", 5}, {core.scratch(folder)})
    assert.same({nil, "cannot make a scratch file: No such file or directory", 2}, {core.scratch(folder .. "/no/such")})
    local file = scratch()
    assert.is_nil((file:clear()))
    assert.is_nil((file:size()))
    file:close()
    assert.has_error(function() file:fd() end, "attempt to use a closed scratch file")
  end)

  it("is copied in part, whatever signals come, or it is said why not", function()
    local from, to = scratch(), scratch()
    assert.is_true(core.write(from:fd(), "some text"))
    testing.fault("sys.pread:EINTR@1,sys.pread:short@1")
    assert.is_true(from:copy(5, 4, to:fd()))
    assert.equal(4, to:size())
    assert.has_error(function() from:copy(5, 5, to:fd()) end, "cannot read results: damaged data")
    testing.fault("sys.pread:EIO@1")
    assert.has_error(function() from:copy(0, 4, to:fd()) end, "cannot read results: Input/output error")
  end)
end)
