-- What the works of the benchmarks have in common.
local work = {}

--- The library; MODULE, the program's first argument, is parallel.so.
work.parallel = assert(package.loadlib(arg[1], "luaopen_parallel"))()
work.clock = require("parallel.core").clock

--- How long f(...) takes.
function work.seconds(f, ...)
  local began = work.clock()
  f(...)
  return work.clock() - began
end

--- A process that does f(...) meanwhile.
function work.beside(f, ...)
  local process = work.parallel.Process(f, ...)
  process:start()
  return process
end

return work
