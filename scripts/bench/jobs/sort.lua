-- The lines of a text, sorted by their bytes: all of it is intermediate data.
--
--    parallel-lua -j2 scripts/bench/jobs/sort.lua FILE

return {
  map = function(line, emit) emit(line) end,
  sort = "key",
}
