local lfs = require "lfs"
local parallel = require "parallel"
local child = require "spec.support.child"
local shell = require "spec.support.shell"
local testing = require("parallel.core").testing
local raised = require("spec.support.trials").raised

local SharedMemory = parallel.SharedMemory

-- Of this test run only.
local NAME = ("parallel-lua-spec-%d"):format(testing.getpid())
local PATH = "/dev/shm/" .. NAME

local function make(size) return assert(SharedMemory{name = NAME, size = size, create = true}) end

local function contents(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

describe("parallel.SharedMemory", function()
  before_each(function() os.remove(PATH) end) -- of a run with our number that was killed

  after_each(function()
    testing.fault(nil)
    os.remove(PATH)
  end)

  it("is zeroed, and of the size asked for", function()
    local memory = SharedMemory{size = 5000}
    assert.equal(5000, memory.size)
    assert.equal(("\0"):rep(5000), memory:read())
    assert.is_nil(memory.name)
  end)

  it("is read as a string is cut", function()
    local memory, text = SharedMemory{size = 10}, "0123456789"
    memory:write(1, text)
    for _, ends in ipairs({{1, 10}, {3, 4}, {3}, {}, {-3, -2}, {-3}, {0, 2}, {-20, 20}, {5, 4}, {11}, {4, -20}}) do
      assert.equal(text:sub(ends[1] or 1, ends[2]), memory:read(ends[1], ends[2]))
    end
  end)

  it("is written where all of it fits", function()
    local memory = SharedMemory{size = 6}
    memory:write(2, "bc")
    memory:write(-1, "f")
    memory:write(1, "a")
    memory:write(6, "")
    assert.equal("abc\0\0f", memory:read())
    assert.match("^[^\n]*shared_memory_spec.lua:%d+: 3 bytes from 5 on do not fit in 6$",
      raised(function() memory:write(5, "abc") end))
    for _, first in ipairs({0, -7, 7, 2 ^ 53}) do
      assert.match("1 bytes from %S+ on do not fit in 6", raised(memory.write, memory, first, "x"))
    end
    assert.match("#2 to 'write' %(string expected, got number%)", raised(memory.write, memory, 1, 7))
    assert.match("#1 to 'write' %(number expected, got no value%)", raised(memory.write, memory))
  end)

  it("is the same memory for all who know its name", function()
    local one = make(100)
    local two = SharedMemory{name = NAME}
    assert.same({NAME, 100}, {two.name, two.size})
    one:write(99, "!?")
    assert.equal("!?", two:read(-2))
    two:close()
    one:close()
    assert.is_true(one:unlink())
  end)

  it("is a file that other programs see, and nobody but this user opens", function()
    local memory = make(3)
    memory:write(1, "abc")
    assert.equal("abc", contents(PATH))
    assert.equal("rw-------", lfs.attributes(PATH, "permissions"))
    assert.same({status = 0, stdout = "bc\n", stderr = ""}, shell.run({shell.interpreter(), "-e", ([[
      local memory = require("parallel").SharedMemory{name = %q}
      print(memory:read(2))]]):format(NAME)}))
    memory:close()
  end)

  it("is made once", function()
    local memory = make(3)
    assert.same({nil, ("cannot make shared memory '%s': File exists"):format(NAME)},
      {SharedMemory{name = NAME, size = 3, create = true}})
    memory:close()
  end)

  it("goes by its name until that is unlinked", function()
    local memory = make(3)
    memory:write(1, "abc")
    memory:close()
    local again = SharedMemory{name = NAME}
    assert.is_true(again:unlink())
    assert.equal("abc", again:read())
    again:close()
    local none = "shared memory '" .. NAME .. "': No such file or directory"
    assert.same({nil, "cannot attach " .. none}, {SharedMemory{name = NAME}})
    assert.same({nil, "cannot unlink " .. none}, {again:unlink()})
    assert.same({nil, "cannot unlink shared memory: it has no name"}, {SharedMemory{size = 1}:unlink()})
  end)

  it("has at least the size that who attaches wants", function()
    local memory = make(3)
    assert.equal(3, SharedMemory{name = NAME, size = 2}.size)
    assert.same({nil, ("cannot attach shared memory '%s': it has 3 bytes, fewer than 4"):format(NAME)},
      {SharedMemory{name = NAME, size = 4}})
    memory:close()
  end)

  it("follows no link, and attaches to files only", function()
    os.execute(("ln -s /etc/hostname %s"):format(PATH))
    assert.match("Too many levels of symbolic links", select(2, SharedMemory{name = NAME}))
    os.remove(PATH)
    os.execute("mkfifo " .. PATH)
    assert.match("Invalid argument", select(2, SharedMemory{name = NAME}))
    os.remove(PATH)
    os.execute("touch " .. PATH)
    assert.match("Invalid argument", select(2, SharedMemory{name = NAME}))
  end)

  it("is not another user's", function()
    make(3):close()
    local is_root = shell.run({"chown", "nobody", PATH}).status == 0
    if not is_root then return pending("only root can give a file away") end
    assert.same({nil, ("cannot attach shared memory '%s': it belongs to another user"):format(NAME)},
      {SharedMemory{name = NAME}})
  end)

  it("is an error, not a crash, when somebody cuts it short", function()
    local memory = make(10000)
    assert(io.open(PATH, "wb")):close()
    assert.match("cannot read shared memory: it was cut short", raised(memory.read, memory))
    memory:close()
  end)

  it("has its memory when its name appears", function()
    local memory = make(100000)
    assert.is_true(lfs.attributes(PATH, "blocks") * 512 >= 100000)
    memory:close()
  end)

  for plan, why in pairs({
    ["sys.open:EMFILE@1"] = "Too many open files", ["sys.fallocate:ENOSPC@1"] = "No space left on device",
    ["sys.linkat:EPERM@1"] = "Operation not permitted", ["named.appear:kill@1"] = false,
  }) do
    it("leaves no name behind when it cannot be made: " .. plan, function()
      testing.fault(plan)
      if why then
        assert.same({nil, ("cannot make shared memory '%s': %s"):format(NAME, why)},
          {SharedMemory{name = NAME, size = 3, create = true}})
      else
        child.start(function() make(3) end):fall()
      end
      assert.is_nil(lfs.attributes(PATH))
    end)
  end

  it("cannot be larger than what the machine has", function()
    assert.same({nil, "cannot make shared memory: Cannot allocate memory"}, {SharedMemory{size = 1e15}})
  end)

  it("is moved also a byte at a time", function()
    local memory = SharedMemory{size = 5}
    testing.fault("sys.pread:short@1,sys.pread:EINTR@2,sys.pwrite:short@1")
    memory:write(1, "abcde")
    assert.equal("abcde", memory:read())
  end)

  for _, name in ipairs({"named", "unnamed"}) do
    it("is inherited and sent: " .. name, function()
      local memory = name == "named" and make(3) or SharedMemory{size = 3}
      child.start(function() memory:write(1, "a") end):finish()
      parallel.with(parallel.Pool(2), function(pool)
        pool:apply(function(theirs)
          theirs:write(2, "b")
          memory:write(3, tostring(theirs.size))
        end, memory)
        assert.equal(memory.name or false, pool:apply(function(theirs) return theirs.name or false end, memory))
      end)
      assert.equal("ab3", memory:read())
      memory:close()
    end)
  end

  it("is of no use once closed", function()
    local memory = SharedMemory{size = 3}
    memory:close()
    memory:close()
    assert.match("shared_memory_spec.lua:%d+: attempt to use a closed shared memory",
      raised(function() return (memory:read()) end))
    assert.match("attempt to use a closed shared memory", raised(memory.write, memory, 1, "x"))
    assert.is_function(getmetatable(memory).__close)
  end)

  it("has the same name with a slash before it", function()
    local memory = SharedMemory{name = "/" .. NAME, size = 3, create = true}
    local attached = SharedMemory{name = NAME}
    assert.equal(3, attached.size)
    attached:close()
    memory:close()
    assert.is_true(memory:unlink())
  end)

  it("refuses names and sizes that are none", function()
    for _, name in ipairs({"", ".", "..", "a/b", "/", "//a", "a\0b", ("x"):rep(201)}) do
      assert.match("shared_memory_spec.lua:%d+: bad argument #1 to 'SharedMemory' %(name must be 1 to 200 bytes without slashes within",
        raised(function() return (SharedMemory{name = name, size = 1, create = true}) end))
    end
    assert.match("name must be a string, got number", raised(SharedMemory, {name = 7}))
    assert.match("size is needed to make one", raised(SharedMemory, {name = NAME, create = true}))
    assert.match("size is needed to make one", raised(SharedMemory, {}))
    for _, size in ipairs({0, -1, 1.5, 1 / 0, "3"}) do
      assert.match("size must be a whole number, at least 1", raised(SharedMemory, {size = size}))
    end
    assert.match("table expected, got no value", raised(SharedMemory))
    assert.match("unknown option 'create_new'", raised(SharedMemory, {size = 1, create_new = true}))
  end)
end)
