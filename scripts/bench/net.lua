-- net: managers, and connections between programs.
return {
  title = "**Beyond one process tree**, over paths; the limit is C over a socket, in the clear.",
  programs = {
    { "ours", "**parallel-lua**", "lua5.4 $scripts/net/ours.lua $module" },
    { "python", "Python", "$python $scripts/net/python.py" },
    { "limit", "limit", "./processes" },
  },
  works = {
    { "`dict.k = i` in a `Manager`", "set", "us", "%.1f", "ours python", "25" },
    { "the same by 4 processes at once, together", "sets", "a second", "%.0f", "ours python", "100000" },
    { "a number to another program and back, sealed (Python: in the clear)", "pipe", "us", "%.1f",
      "ours python limit", "1.5 of the limit" },
    { "the same without a key", "plain", "us", "%.1f", "ours python limit", "1.5 of the limit" },
    { "connect with a key, and close", "connect", "us", "%.0f", "ours python" },
  },
}
