# Count words: mawk -f wordcount.awk FILE. Every run of other bytes ends a record.
BEGIN { RS = "[^A-Za-z]+" }
{ count[tolower($0)]++ }
END {
  delete count[""]
  for (word in count) print word "\t" count[word]
}
