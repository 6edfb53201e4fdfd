--- interruption: the error that a signal raises in whatever code runs then.
--
-- It is for the whole process: whoever catches errors to keep them for somebody else passes
-- this one on.
local interruption = {}

-- By the program parallel-lua, by Process:interrupt, and by the programs lua and luajit.
local TEXTS = {["interrupted"] = true, ["the process was interrupted"] = true, ["interrupted!"] = true}

--- Raise what was caught if it is one.
function interruption.pass_on(why)
  if type(why) ~= "string" then return end
  local text = why:match("^.-:%d+: (.*)$") or why
  if TEXTS[text] then error(why, 0) end
end

return interruption
