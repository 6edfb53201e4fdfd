--- packing: argument lists as tables with their count, on both Luas.
return {
  --- A list of the arguments with field n, nils counted.
  pack = table.pack or function(...) return {n = select("#", ...), ...} end,
  --- The elements of a list, from a first to a last.
  unpack = table.unpack or unpack,
}
