-- The 20 most frequent words, counted by a loop in Lua over each line.
--
--    parallel-lua -j2 scripts/bench/jobs/wordcount_lines.lua FILE

return {
  map = function(line, emit)
    for word in parallel.words(line, "lower") do emit(word, 1) end
  end,
  combine = "sum",
  sort = "value desc",
  top = 20,
}
