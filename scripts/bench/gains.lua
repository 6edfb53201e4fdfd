-- gains: how many times the work of a plain loop two workers do, by what an item takes.
return {
  title = "**Two workers against a plain loop**; the limit is what two processes reach that have "
    .. "nothing to do with each other.",
  programs = {
    { "ours", "**parallel-lua**", "$program $scripts/pool/ours.lua - gain" },
    { "limit", "two processes", "$program $scripts/pool/ours.lua - limit" },
  },
  works = {
    { "items of 1 us", "1", "times", "%.2f", "ours limit", "1.2" },
    { "items of 10 us", "10", "times", "%.2f", "ours limit", "1.8" },
    { "items of 100 us", "100", "times", "%.2f", "ours limit", "1.95" },
    { "items of 1 ms", "1000", "times", "%.2f", "ours limit", "1.98" },
  },
}
