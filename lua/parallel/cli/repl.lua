--- repl: read lines, run them, print what they come to: parallel-lua -i.
--
-- As Lua's own: an expression's values are printed, `= EXPRESSION` too; what is not
-- complete goes on in the next line; an error ends the line and nothing else.
-- There are prompts only on a terminal, so that a session can come from a file.
local core = require("parallel.core")
local pack, unpack = require("parallel.base.packing").pack, require("parallel.base.packing").unpack

local load_text = rawget(_G, "loadstring") or load

local Repl = {}
Repl.__index = Repl

local function read_line(self, prompt)
  if self.prompts then
    io.write(prompt)
    io.flush()
  end
  return io.read("*l")
end

local function is_incomplete(why) return why:find("<eof>'?$") ~= nil end

-- The function that the text from this line on is; or nil and why it is none.
local function compile(self, line)
  local text = line:gsub("^=", "return ")
  local chunk = load_text("return " .. text, "=stdin")
  if chunk then return chunk end
  while true do
    local made, why = load_text(text, "=stdin")
    if made or not is_incomplete(why) then return made, why end
    local more = read_line(self, ">> ")
    if not more then return nil, why end
    text = text .. "\n" .. more
  end
end

local function report(self, problem)
  io.flush()
  io.stderr:write(self.describe(problem), "\n")
end

local function print_values(_, ...)
  if select("#", ...) > 0 then print(...) end
end

local function run(self, chunk)
  local results = pack(xpcall(chunk, self.with_traceback))
  if not results[1] then error(results[2], 0) end
  print_values(unpack(results, 1, results.n))
end

--- One line, and those that complete it.
function Repl:take(line)
  local chunk, why = compile(self, line)
  if not chunk then return report(self, why) end
  local ok, problem = pcall(run, self, chunk)
  if ok then return end
  if tostring(problem):match("interrupted$") then error(problem, 0) end
  report(self, problem)
end

local repl = {}

--- Read from the standard input to its end. with_traceback is the message handler of
-- what is run, describe(problem) makes the text of what it returned.
function repl.run(with_traceback, describe)
  local self = setmetatable({prompts = core.is_terminal(0), with_traceback = with_traceback,
                             describe = describe}, Repl)
  -- Lines read in advance would be in every worker that is forked here too.
  io.stdin:setvbuf("no")
  for line in function() return read_line(self, "> ") end do self:take(line) end
  if self.prompts then io.write("\n") end
end

return repl
