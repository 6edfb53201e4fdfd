--- parallel: run Lua in many processes at once.
-- The public interface; each thing it offers lives in a file of its own.
local parallel = {_VERSION = "parallel-lua 0.1.0"}

return parallel
