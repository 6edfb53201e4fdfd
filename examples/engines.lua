-- An interactive session: workers that keep what they are given, and work on it.
--
--    parallel-lua -i < examples/engines.lua
--
-- Or run parallel-lua -i and type the lines; the value of an expression is printed.

pool = parallel.Pool(2)

pool:push{ scale = 10 }                        -- a global of every worker
pool:scatter("part", {1, 2, 3, 4, 5})          -- a part of the list for each
lengths = pool:execute("return #part")         -- code that each runs
lengths[1], lengths[2]

_ = pool:execute([[
  made = {}
  for i, n in ipairs(part) do made[i] = n * scale end
]])
table.concat(pool:gather("made"), " ")         -- the parts, joined in order

pool[2]:apply(function() return #part, scale end)  -- one worker
pool:pull("scale")[1]

pool:close()
