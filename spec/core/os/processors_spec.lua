local files = require "spec.support.files"
local lfs = require "lfs"
local parallel = require "parallel"
local testing = require("parallel.core").testing

local NONE = 2 ^ 31 - 1

describe("the quota of a control group", function()
  local root

  before_each(function()
    root = files.path("groups")
    for _, folder in ipairs({"", "/a", "/a/b"}) do assert(lfs.mkdir(root .. folder)) end
  end)

  local function limit(group, text) files.write("groups" .. group .. "/cpu.max", text) end

  it("is none where none is set, or nothing is told", function()
    assert.equal(NONE, testing.quota(root, "/a/b"))
    limit("/a/b", "max 100000\n")
    limit("/a", "")
    limit("", "0 0\n")
    assert.equal(NONE, testing.quota(root, "/a/b"))
    assert.equal(NONE, testing.quota(root, "/no/such"))
  end)

  it("is told in processors, rounded up", function()
    limit("/a/b", "150000 100000\n")
    assert.equal(2, testing.quota(root, "/a/b"))
    assert.equal(NONE, testing.quota(root, "/a"))
    limit("/a", "1 100000\n")
    assert.equal(1, testing.quota(root, "/a"))
  end)

  it("is the least of those above it too, and of no folder above the root", function()
    limit("/a/b", "700000 100000\n")
    limit("", "300000 100000\n")
    files.write("cpu.max", "100000 100000\n")
    for _, group in ipairs({"/a/b", "/a", "/", ""}) do assert.equal(3, testing.quota(root, group)) end
    limit("/a", "200000 100000\n")
    assert.equal(2, testing.quota(root, "/a/b"))
  end)
end)

describe("parallel.cpu_count", function()
  it("is at least one", function() assert.is_true(parallel.cpu_count() >= 1) end)
end)
