-- The 20 most frequent words, without returning to Lua for each.
--
--    parallel-lua -j2 scripts/bench/jobs/wordcount_all.lua FILE

return {
  records = "block",
  map = function(block, emit) emit:all(parallel.words(block, "lower"), 1) end,
  combine = "sum",
  sort = "value desc",
  top = 20,
}
