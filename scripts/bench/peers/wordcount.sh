# Count words with a pipeline: sh wordcount.sh KIND FILE
#
#    sort      tr, sort and uniq, which every system has
#    tr        tr cuts and mawk counts, side by side
#    mawk      mawk alone
#    parallel  GNU parallel runs two of `tr`, one more mawk adds their counts
# shellcheck disable=SC2016 # the dollars are awk's
export LC_ALL=C
here=${0%/*} file=$2

cut_words='tr A-Z a-z | tr -cs a-z "\n"'
count='{ count[$0]++ } END { delete count[""]; for (word in count) print word "\t" count[word] }'
add='{ count[$1] += $2 } END { for (word in count) print word "\t" count[word] }'

case $1 in
  sort) eval "$cut_words" < "$file" | sort | uniq -c | awk '$2 != "" { print $2 "\t" $1 }' ;;
  tr) eval "$cut_words" < "$file" | mawk "$count" ;;
  mawk) mawk -f "$here/wordcount.awk" "$file" ;;
  parallel)
    parallel --will-cite --pipe-part --block -1 -j 2 -a "$file" "$cut_words | mawk '$count'" |
      mawk "$add"
    ;;
esac | sort -t"$(printf '\t')" -k2,2nr -k1,1 | head -n 20
