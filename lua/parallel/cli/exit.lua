--- exit: errors that know the exit status of the program.
local exit = {DONE = 0, FAILED = 1, USAGE = 2, INPUT_OUTPUT = 3, NO_READER = 128 + 13}

local Exit = {}
Exit.__index = Exit
function Exit:__tostring() return self.message end

--- End the program with this status and a message, made as string.format does.
function exit.with(status, ...)
  error(setmetatable({status = status, message = (...):format(select(2, ...))}, Exit), 0)
end

--- End it without a message: nobody reads the output any more.
function exit.quietly()
  error(setmetatable({status = exit.NO_READER, message = "", quiet = true}, Exit), 0)
end

--- End it at once, when it was asked for this text and nothing else.
function exit.saying(text)
  local written = io.stdout:write(text, "\n") and io.stdout:flush()
  if not written then io.stderr:write("parallel-lua: cannot write the output\n") end
  os.exit(written and exit.DONE or exit.INPUT_OUTPUT)
end

function exit.is(problem) return getmetatable(problem) == Exit end

return exit
