-- The most frequent runs of three words.
--
--    parallel-lua --top 3 examples/top_ngrams.lua book.txt
--    parallel-lua -v n=2 --top 2 examples/top_ngrams.lua book.txt
--
-- A paragraph is a record here, so that runs may go on over the end of a line.
local n = _G.n or 3

return {
  records = "paragraph",
  map = function(text, emit) emit:all(parallel.ngrams(text, n, "lower")) end,
  combine = "sum",
  top = 20,
}
