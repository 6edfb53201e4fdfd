-- The pool keeps its promises whatever its workers' start method: its own specs,
-- run again under each that is not the default.
local parallel = require "parallel"

local FILES = {"spec/lua/pool/pool_spec.lua", "spec/lua/pool/worker_life_spec.lua", "spec/lua/pool/timeout_spec.lua",
  "spec/lua/pool/seed_spec.lua", "spec/lua/wait_spec.lua", "spec/lua/process/identity_spec.lua"}

local environment = rawget(_G, "setfenv") and getfenv(1) or _ENV

local function load_spec(path)
  if not rawget(_G, "setfenv") then return assert(loadfile(path, "t", environment)) end
  return setfenv(assert(loadfile(path)), environment)
end

for _, method in ipairs({"template", "spawn"}) do
  describe("with the start method " .. method .. ",", function()
    setup(function() parallel.set_start_method(method) end)
    teardown(function() parallel.set_start_method("fork") end)
    for _, path in ipairs(FILES) do load_spec(path)() end
  end)
end

local function word_count(method, fields)
  local job = {values = {"a b", "b", "c b a"}, combine = "sum", workers = 2, start_method = method}
  function job.map(line, emit) emit:all(parallel.words(line)) end
  for name, value in pairs(fields or {}) do job[name] = value end
  local result = parallel.mapreduce(job)
  local counts = result:to_table()
  result:close()
  return counts
end

for _, method in ipairs(parallel.get_all_start_methods()) do
  describe("a job with the start method " .. method, function()
    it("counts", function()
      assert.same({a = 2, b = 3, c = 1}, word_count(method))
    end)

    it("counts each record once although workers die", function()
      local marker = os.getenv("TMPDIR") .. "/died"
      assert.same({a = 2, b = 3, c = 1}, word_count(method, {map = function(line, emit)
        local seen = io.open(marker)
        if seen then seen:close() else
          io.open(marker, "w"):close()
          require("parallel.core").testing.kill(require("parallel.core").pid(), "KILL")
        end
        emit:all(require("parallel").words(line))
      end}))
      os.remove(marker)
    end)

    it("knows its workers by their names", function()
      local names = word_count(method, {map = function(_, emit)
        emit(require("parallel").current_process().name:match("^%a+ worker"))
      end})
      assert.same({["mapreduce worker"] = 3}, names)
    end)
  end)
end

describe("a job whose functions cannot be sent", function()
  it("is refused", function()
    local thread = coroutine.create(print)
    local _, failure = pcall(word_count, "spawn", {map = function(_, emit) emit(thread) end})
    assert.is_true(parallel.is_failure(failure, "unsendable"))
    assert.match("^cannot send the job: .*a coroutine cannot leave its process", tostring(failure))
  end)
end)
