local child = require("spec.support.child")
local core = require("parallel.core")
local files = require("spec.support.files")
local testing = core.testing

local path, open

local function entries(manifest)
  local list = {}
  for name, body in function() return manifest:next() end do list[#list + 1] = {name, body} end
  return list
end

describe("a manifest", function()
  before_each(function()
    path, open = files.path("manifest"), nil
    open = assert(core.manifest(path))
    assert.is_true(open:append("a", "1"))
    assert.is_true(open:append("b", ""))
    open:close()
  end)

  after_each(function()
    testing.fault(nil)
    open:close()
  end)

  it("has what was appended, however it is read", function()
    for _, plan in ipairs({"", "sys.pread:EINTR@1,sys.pread:short@1", "sys.pread:short@*"}) do
      testing.fault(plan)
      open = assert(core.manifest(path))
      assert.same({{"a", "1"}, {"b", ""}}, entries(open))
      open:close()
    end
  end)

  it("says why it cannot be opened or read", function()
    for plan, why in pairs({["sys.open:EMFILE@1"] = "Too many open files", ["sys.fstat:EIO@1"] = "Input/output error",
                            ["sys.pread:EIO@1"] = "Input/output error", ["sys.fcntl:ENOSYS@1"] = "Function not implemented"}) do
      testing.fault(plan)
      local none, text = core.manifest(path)
      assert.same({nil, why}, {none, text})
    end
    testing.fault("sys.pread:EIO@2")
    open = assert(core.manifest(path))
    assert.has_error(function() open:next() end, "cannot read a manifest: Input/output error")
    testing.fault(nil)
    open:close()
    assert.has_error(function() open:next() end, "attempt to use a closed manifest")
  end)

  it("is no folder and no text of somebody's", function()
    assert.same({nil, "it is another kind of file"}, {(core.manifest(os.getenv("TMPDIR"), true)),
      (select(2, core.manifest(os.getenv("TMPDIR"), true)))})
    assert.equal("it is another kind of file", (select(2, core.manifest(files.write("text", "a"), true))))
  end)

  it("is used by one process at a time, which is named if it can be", function()
    open = assert(core.manifest(path))
    child.start(function()
      local none, why = core.manifest(path)
      assert.same({nil, ("process %d is using it"):format(core.parent_pid())}, {none, why})
      testing.fault("sys.fcntl:EINVAL@2")
      none, why = core.manifest(path)
      assert.same({nil, "another process is using it"}, {none, why})
      assert.same({{"a", "1"}, {"b", ""}}, entries(assert(core.manifest(path, true)))) -- who only reads may
    end):finish()
    assert.same({{"a", "1"}, {"b", ""}}, entries(open))
  end)

  it("has no half of an entry that could not be written", function()
    for plan, why in pairs({["sys.pwrite:ENOSPC@1"] = "No space left on device", ["sys.ftruncate:EIO@1"] = "Input/output error",
                            ["buffer.reserve:ENOMEM@1"] = "Cannot allocate memory"}) do
      open = assert(core.manifest(path))
      entries(open)
      testing.fault(plan)
      local ok, text = open:append("c", "2")
      testing.fault(nil)
      assert.same({nil, why}, {ok, text})
      open:close()
      open = assert(core.manifest(path))
      assert.same({{"a", "1"}, {"b", ""}}, entries(open))
      open:close()
    end
  end)
end)
