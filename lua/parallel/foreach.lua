--- foreach: a loop whose rounds run in parallel, and what becomes of their results.
local check = require("parallel.base.check")
local oneshot = require("parallel.oneshot")

-- What the family of map calls it when a round fails.
local ON_ERROR = {stop = "raise", remove = "skip", pass = "collect"}
local OWN = {"combine", "init", "final", "ordered", "on_error"}

local in_order = oneshot.iterating("imap", "foreach")
local as_they_come = oneshot.iterating("imap_unordered", "foreach")

local function without_own(options)
  local rest = {}
  for name, value in pairs(options) do rest[name] = value end
  for _, name in ipairs(OWN) do rest[name] = nil end
  rest.on_error = ON_ERROR[options.on_error or "stop"]
  return rest
end

-- Folds what rounds return; one that returns nothing adds nothing, a Failure is passed on.
local function folded(step, options)
  local made = options.init
  for _, value in step do
    if made == nil then made = value elseif value ~= nil then made = options.combine(made, value) end
  end
  return made
end

local function listed(step)
  local list = {n = 0}
  for _, value in step do
    list.n = list.n + 1
    list[list.n] = value
  end
  return list
end

local function check_options(options)
  check.type(options, "table", 3, "foreach")
  check.choice_option(options, "on_error", {"stop", "remove", "pass"}, 3, "foreach")
  if options.combine ~= nil then check.callable(options.combine, 3, "foreach") end
  if options.final ~= nil then check.callable(options.final, 3, "foreach") end
end

local foreach = {}

--- f(item) for each item of a list or iterator, in workers; returns the list of the results
-- (with field n) or, with `combine`, what combine(a, b) makes of them from `init` on;
-- `final` has the last word on either. Results are taken in the order of the
-- items unless `ordered` is false. `on_error`: "stop" (default) raises the Failure of a
-- round, "remove" leaves it out, "pass" hands it on in the place of its result. Other options are
-- those of a Pool and of its imap.
function foreach.run(items, f, options)
  options = options or {}
  check.items(items, 1, "foreach")
  check.callable(f, 2, "foreach")
  check_options(options)
  local rounds = options.ordered == false and as_they_come or in_order
  local step = rounds(f, items, without_own(options))
  local made
  if options.combine then made = folded(step, options) else made = listed(step) end
  if options.final then made = options.final(made) end
  return made
end

return foreach
