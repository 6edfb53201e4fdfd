-- Where the pairs of a job go.
local lfs = require("lfs")
local files = require("spec.support.files")
local parallel = require("parallel")
local shell = require("spec.support.shell")
local trials = require("spec.support.trials")
local testing = require("parallel.core").testing

local function job(fields)
  local made = {values = trials.count_to(20), map = function(n, emit) emit(n, n) end, workers = 2}
  for name, value in pairs(fields) do made[name] = value end
  return made
end

local function run(fields) parallel.mapreduce(job(fields)):close() end

-- The names in a folder and what stands in all of its parts.
local function contents(folder)
  local names, text = {}, ""
  for name in lfs.dir(folder) do
    if name:sub(1, 1) ~= "." then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do text = text .. files.read(folder .. "/" .. name) end
  return names, text
end

local function text_of(n)
  local lines = {}
  for i = 1, n do lines[i] = ("%d\t%d\n"):format(i, i) end
  return table.concat(lines)
end

for kind, combine in pairs({["map-only"] = false, reduced = "sum"}) do
  describe("the output of a " .. kind .. " job", function()
    local function fields(more)
      more.combine, more.sort = combine or nil, combine and "key" or nil
      return more
    end

    it("is a file", function()
      local path = files.path("out")
      local result = parallel.mapreduce(job(fields({output = path})))
      assert.equal(20, result:count())
      local function use() return result:pairs() and nil end
      assert.match("output_spec.lua:%d+: the pairs of this job went to its output$", trials.raised(use))
      result:close()
      assert.equal(text_of(20), files.read(path))
    end)

    it("replaces a file, which keeps its mode, and follows links", function()
      local path, link = files.write("out", "old"), files.path("link")
      os.execute(("chmod 640 '%s' && ln -s out '%s'"):format(path, link))
      run(fields({output = link}))
      assert.equal(text_of(20), files.read(path))
      assert.equal("rw-r-----", lfs.attributes(path, "permissions"))
      assert.equal("link", lfs.symlinkattributes(link, "mode"))
    end)

    it("goes on with the file that stdout is, and does not replace it", function()
      local path, program = files.path("out"), shell.program()
      for _, name in ipairs({"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}) do
        assert.same({stdout = "", stderr = "", status = 0}, shell.run(
          ("{ echo a; echo b | %s -e 'emit(record)' -o %s; echo c; } > '%s'"):format(program, name, path)))
        assert.equal("a\nb\nc\n", files.read(path))
      end
    end)

    it("leaves what was there when the job fails", function()
      local folder = files.folder("here")
      local path = files.write("here/out", "old")
      trials.raised(run, fields({output = path, map = function(n) if n == 20 then error("no") end end}))
      assert.equal("old", files.read(path))
      assert.same({"out"}, (contents(folder)))
    end)

    it("is a folder of parts, which together are what a file would be", function()
      local folder = files.path("parts/")
      run(fields({output = folder, partitions = 3}))
      local names, text = contents(folder)
      assert.equal("part-00000", names[1])
      assert.equal(combine and 3 or 1, #names)
      assert.equal(text_of(20), text)
    end)

    it("replaces all parts of an earlier run", function()
      local folder = files.folder("parts")
      for i = 0, 4 do files.write(("parts/part-%05d"):format(i), "old") end
      run(fields({output = folder .. "/", partitions = 3}))
      assert.equal(text_of(20), select(2, contents(folder)))
    end)

    it("is what a function is called with, in order", function()
      local pairs_of = {}
      run(fields({output = function(key, value) pairs_of[#pairs_of + 1] = key * 100 + value end}))
      local expected = {}
      for i = 1, 20 do expected[i] = i * 101 end
      assert.same(expected, pairs_of)
    end)

    it("raises what the function raises, with no worker left", function()
      assert.match("full", trials.raised(run, fields({output = function() error("full") end})))
    end)

    it("that cannot be written raises a message", function()
      local path = files.path("none/out")
      assert.equal(("cannot write '%s': No such file or directory"):format(path),
        trials.raised(run, fields({output = path})))
      assert.equal("cannot write the output: No space left on device",
        trials.raised(run, fields({output = "/dev/full"})))
    end)
  end)
end

describe("a file that is written aside", function()
  after_each(function() testing.fault(nil) end)

  it("has a name of its own where files without one cannot be", function()
    local folder = files.folder("here")
    testing.fault("sys.open:EOPNOTSUPP@1")
    local aside = assert(require("parallel.core").aside(folder .. "/out"))
    testing.fault(nil)
    assert.equal(1, #(contents(folder)))
    aside:close()
    assert.same({}, (contents(folder)))
  end)

  for _, plan in ipairs({"sys.linkat:ENOSPC@1", "sys.rename:ENOSPC@1"}) do
    it("is gone when it cannot take its place: " .. plan, function()
      local folder = files.folder("here")
      local path = folder .. "/out"
      testing.fault(plan)
      assert.equal(("cannot write '%s': No space left on device"):format(path), trials.raised(run, {output = path}))
      testing.fault(nil)
      assert.same({}, (contents(folder)))
    end)
  end
end)
