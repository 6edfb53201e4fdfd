-- inner_run(text, variables): run a spec file of that text in a busted of its own, with these
-- environment variables. A result as of shell.run, with the closing line.
local files = require "spec.support.files"
local shell = require "spec.support.shell"

return function(text, variables)
  local record = files.path("closing_line")
  local env = {PARALLEL_LUA_SPEC_GRACE = "0.05", PARALLEL_LUA_CLOSING_LINE = record}
  for name, value in pairs(variables or {}) do env[name] = value end
  local busted = shell.run("command -v busted").stdout:gsub("\n", "")
  local spec = files.write("inner_spec.lua", text)
  local result = shell.run({shell.interpreter(), busted, "--ignore-lua", spec}, {env = env})
  result.closing_line = files.read(record)
  return result
end
