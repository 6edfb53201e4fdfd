-- An inverted index: for every word the files that contain it.
--
--    parallel-lua examples/word_index.lua shelf/
--    parallel-lua -f json examples/word_index.lua one.txt two.txt
--
-- emit:all takes a whole iterator at once, and "set" keeps each file once.
return {
  records = "block",
  map = function(text, emit, info)
    emit:all(parallel.words(text, "lower"), info.path)
  end,
  combine = "set",
}
