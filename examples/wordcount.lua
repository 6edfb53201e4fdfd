-- Count the words of some text: the twenty that stand in it most often.
--
--    parallel-lua examples/wordcount.lua book.txt ...
--
-- Each worker counts in a table of its own ("sum" adds the ones up there), so
-- that only words and totals ever leave a worker, not every single word.
return {
  map = function(line, emit)
    for word in parallel.words(line, "lower") do emit(word, 1) end
  end,
  combine = "sum",
  sort = "value desc",
  top = 20,
}
