-- The pool keeps its promises whatever its workers' start method: its own specs,
-- run again under each that is not the default.
local parallel = require "parallel"

local FILES = {"spec/lua/pool_spec.lua", "spec/lua/worker_life_spec.lua", "spec/lua/timeout_spec.lua",
  "spec/lua/seed_spec.lua", "spec/lua/wait_spec.lua", "spec/lua/identity_spec.lua"}

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
