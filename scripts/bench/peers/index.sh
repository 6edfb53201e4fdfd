# Index words by file with a pipeline: sh index.sh PROCESSES FOLDER
#
# Each mawk indexes 500 files; sort brings their
# lists of a word together, and keeps their order; mawk joins them. Above 1
# process GNU parallel runs the first mawk.
# shellcheck disable=SC2016 # the dollars are awk's
export LC_ALL=C

index='BEGIN { RS = "[^A-Za-z]+" }
  { word = tolower($0) }
  last[word] != FILENAME { last[word] = FILENAME; files[word] = files[word] " " FILENAME }
  END { delete files[""]; for (word in files) print word "\t" substr(files[word], 2) }'
join='BEGIN { FS = "\t" }
  $1 == word { printf " %s", $2; next }
  { if (NR > 1) print ""; word = $1; printf "%s", $0 }
  END { print "" }'

if [ "$1" = 1 ]; then
  find "$2" -type f | sort | xargs -n 500 mawk "$index"
else
  find "$2" -type f | sort | parallel --will-cite -k -j "$1" -n 500 -q mawk "$index"
fi | sort -s -t"$(printf '\t')" -k1,1 | mawk "$join"
