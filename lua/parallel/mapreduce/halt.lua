--- halt: when a job shall end because pieces of it failed, as text and as a rule.
--
--    now,fail=N     at once, when N have failed ("now,fail=1" unless something is said)
--    soon,fail=N    hands out nothing more then, but lets end what runs
--    now,fail=N%    the same, of all that there are
--    never          goes on whatever fails
local halt = {}

local Rule = {}
Rule.__index = Rule

--- Is it so far, when so many of `total` have failed?
function Rule:is_reached(failed, total)
  if self.when == "never" then return false end
  if self.percent then return failed * 100 >= self.percent * total end
  return failed >= self.count
end

local function rule(fields) return setmetatable(fields, Rule) end

--- The rule {when = "now", "soon" or "never"} of a text (nil: the usual one), or nil.
function halt.rule(text)
  if text == nil then return rule({when = "now", count = 1}) end
  if text == "never" then return rule({when = "never"}) end
  local when, number, percent = text:match("^(%a+),fail=(%d+)(%%?)$")
  number = tonumber(number)
  if (when ~= "now" and when ~= "soon") or number < 1 then return nil end
  if percent == "%" then return number <= 100 and rule({when = when, percent = number}) or nil end
  return rule({when = when, count = number})
end

return halt
