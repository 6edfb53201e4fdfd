--- interruption: the error that a signal raises in whatever code runs then.
--
-- It is for the whole process: whoever catches errors to keep them for somebody else passes
-- this one on.
local interruption = {}

--- Raise what was caught if it is one.
function interruption.pass_on(why)
  if type(why) ~= "string" then return end
  local text = why:match("^.-:%d+: (.*)$") or why
  if text == "interrupted" or text == "the process was interrupted" then error(why, 0) end
end

return interruption
