-- The 20 most frequent words, counted by a loop in Lua over each block of lines.
--
--    parallel-lua -j2 scripts/bench/jobs/wordcount.lua FILE

return {
  records = "block",
  map = function(block, emit)
    for word in parallel.words(block, "lower") do emit(word, 1) end
  end,
  combine = "sum",
  sort = "value desc",
  top = 20,
}
