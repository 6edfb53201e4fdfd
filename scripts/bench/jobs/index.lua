-- Every word with the sorted list of the files that it is in.
--
--    parallel-lua -j2 scripts/bench/jobs/index.lua FOLDER

return {
  records = "file",
  map = function(text, emit, info) emit:all(parallel.words(text, "lower"), info.path) end,
  combine = "set",
}
