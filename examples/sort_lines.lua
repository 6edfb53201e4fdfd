-- Sort the lines of some files, as sort(1) does in the C locale.
--
--    parallel-lua examples/sort_lines.lua numbers.txt book.txt
--    parallel-lua --sort -key examples/sort_lines.lua numbers.txt
--
-- Nothing is combined or reduced: every line that is emitted comes out once, and
-- only the order of all of them is asked for.
return {
  map = function(line, emit) emit(line) end,
  sort = "key",
}
