local files = require("spec.support.files")
local parallel = require("parallel")
local shell = require("spec.support.shell")
local trials = require("spec.support.trials")

local function told(fields)
  local calls = {}
  local job = {map = function(_, emit) emit("n") end, combine = "count", workers = 2,
    progress = function(done, total) calls[#calls + 1] = {done, total} end}
  for name, value in pairs(fields) do job[name] = value end
  parallel.mapreduce(job):close()
  return calls
end

local function assert_rises_to(total, calls)
  local last = 0
  for _, call in ipairs(calls) do
    assert.equal(total, call[2])
    assert.is_true(call[1] >= 0 and call[1] <= total)
    last = call[1]
  end
  assert.equal(total, last)
end

describe("progress", function()
  it("tells a function how many bytes of the files are done", function()
    assert_rises_to(8, told({inputs = {files.write("text", "one\ntwo\n")}}))
  end)

  it("tells a function how many values are done", function()
    assert_rises_to(3, told({values = {1, 2, 3}}))
  end)

  it("tells how many values an iterator has given so far", function()
    local i = 0
    local calls = told({values = function()
      i = i + 1
      return i <= 3 and i or nil
    end})
    assert.same({3, 3}, calls[#calls])
    for _, call in ipairs(calls) do assert.is_true(call[1] <= call[2]) end
  end)

  it("comes to nothing of nothing", function()
    assert_rises_to(0, told({values = {}}))
  end)

  it("passes on what the function raises", function()
    local ok, message = pcall(told, {values = {1}, progress = function() error("enough", 0) end})
    assert.same({false, "enough"}, {ok, message})
  end)

  local pool

  local function square(x) return x * x end

  local function generator(n)
    local i = 0
    return function()
      i = i + 1
      return i <= n and i or nil
    end
  end

  local FORMS = {
    map = function(options) pool:map(square, {1, 2, 3}, options) end,
    starmap = function(options) pool:starmap(square, {{1}, {2}, {3}}, options) end,
    map_async = function(options) pool:map_async(square, {1, 2, 3}, options):get() end,
    each = function(options) pool:each(square, {1, 2, 3}, options) end,
    imap = function(options) for _ in pool:imap(square, {1, 2, 3}, options) do end end,
    imap_unordered = function(options) for _ in pool:imap_unordered(square, {1, 2, 3}, options) do end end,
  }

  for name, run in pairs(FORMS) do
    it("tells a function how many items are done of a " .. name, function()
      pool = parallel.Pool(2)
      local calls = {}
      run({chunksize = 1, progress = function(...) calls[#calls + 1] = {...} end})
      pool:close()
      assert_rises_to(3, calls)
    end)
  end

  it("knows no total of an iterator", function()
    pool = parallel.Pool(2)
    local last
    pool:map(square, generator(5), {progress = function(done, total) last = {done, total} end})
    pool:close()
    assert.same({5}, last)
  end)

  it("must be true or a function", function()
    pool = parallel.Pool(1)
    assert.match("bad argument #4 to 'map' %(progress must be a boolean or function, got number%)",
      trials.raised(pool.map, pool, square, {}, {progress = 1}))
    pool:close()
  end)
end)

-- What a program shows on a terminal of so many columns, with `\r` as line ends.
local function shown(columns, body)
  if shell.run("script -qec true /dev/null").status ~= 0 then
    pending("script(1) cannot make a terminal here")
  end
  local script = files.write("program.lua", ([[
    local parallel = require "parallel"
    local core = require "parallel.core"
    local pool = parallel.Pool(2)
    local function slow(x)
      local till = core.clock() + 0.03
      while core.clock() < till do end
      if x == 0 then error("zero", 0) end
    end
    %s
    pool:close()]]):format(body))
  local command = ("stty cols %d; %s %s"):format(columns, shell.interpreter(), script)
  local result = shell.run({"script", "-qec", command, "/dev/null"}, {stdin = ""})
  assert.equal(0, result.status, result.stdout .. result.stderr)
  return result.stdout
end

-- Each time it was drawn, without the codes.
local function drawings(text)
  local list = {}
  for line in text:gmatch("\r([^\r\n]*)\27%[K") do
    if line ~= "" then list[#list + 1] = line end
  end
  return list
end

describe("the bar", function()
  it("tells share, amount, rate, time left, busy workers and failures", function()
    local list = drawings(shown(100, "pool:map(slow, {1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}," ..
      "{progress = true, on_error = 'collect', chunksize = 1})"))
    assert.match("^%[=*>? *%]  +%d+%%  %d+ items  [%d.e+]+/s  %d+:%d%d left  %d/2 busy  1 failed$", list[#list])
  end)

  it("leaves the size, time and rate behind", function()
    assert.match("\r\27%[K6 items in %d+%.%d%d s %([%d.]+/s%)\r\n$",
      shown(80, "pool:each(slow, {1, 1, 1, 1, 1, 1}, {progress = true, chunksize = 1})"))
  end)

  it("is gone before an error is told", function()
    assert.match("\r\27%[Kzero!\r\n$", shown(80, [[
      local ok, failed = pcall(pool.map, pool, slow, {1, 1, 0, 1}, {progress = true, chunksize = 1})
      print(failed.message .. "!")]]))
  end)

  it("fits the terminal", function()
    for _, columns in ipairs({20, 60, 200}) do
      local list = drawings(shown(columns, "pool:map(slow, {1, 1, 1, 1, 1, 1}, {progress = true, chunksize = 1})"))
      assert.is_true(#list > 0)
      for _, line in ipairs(list) do assert.is_true(#line < columns, line) end
    end
  end)

  it("is not there without a total", function()
    local list = drawings(shown(80, [[
      local i = 0
      pool:each(slow, function() i = i + 1 return i <= 6 and i or nil end, {progress = true, chunksize = 1})]]))
    assert.match("^%d items  [%d.]+/s  %d/2 busy$", list[#list])
  end)

  it("writes nothing when stderr is closed", function()
    local script = files.write("program.lua", [[
      local parallel = require "parallel"
      local file = io.open(arg[1], "w") -- gets the number of stderr
      local pool = parallel.Pool(1)
      pool:map(math.sqrt, {1, 4}, {progress = true})
      pool:close()
      file:close()]])
    local path = files.path("innocent")
    shell.run(("%s %s %s 2>&-"):format(shell.interpreter(), script, path))
    assert.equal("", files.read(path))
  end)
end)
