--- color: whether messages are colored, and how.
local core = require("parallel.core")

local BOLD_RED, PLAIN = "\27[1;31m", "\27[0m"
local STDERR = 2

local color = {}

--- Does `--color when` (nil: auto) ask for it? NO_COLOR says no when nothing else is said.
function color.is_wanted(when)
  if when == "always" then return true end
  local forbidden = os.getenv("NO_COLOR")
  if when == "never" or (forbidden and forbidden ~= "") then return false end
  return core.is_terminal(STDERR)
end

--- The text, in the color of errors when that is wanted.
function color.error(text, is_wanted) return is_wanted and BOLD_RED .. text .. PLAIN or text end

return color
