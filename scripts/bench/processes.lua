-- processes: single processes, and what they hand to each other.
return {
  title = "**Processes, pipes, queues**; the limit is C, which does no more than the system needs.",
  programs = {
    { "lua", "**parallel-lua**, Lua 5.4", "lua5.4 $scripts/processes/ours.lua $module" },
    { "luajit", "**parallel-lua**, LuaJIT", "luajit $scripts/processes/ours.lua $jitmodule" },
    { "python", "Python", "$python $scripts/processes/python.py" },
    { "limit", "limit", "./processes" },
  },
  works = {
    { "a `Process` is started and joined", "start", "ms", "%.2f", "lua luajit python limit", "1" },
    { "a number to another process and back over a `Pipe`", "pipe", "us", "%.1f",
      "lua luajit python limit", "1.5 of the limit" },
    { "put into a `Queue` and get, in one process", "queue", "us", "%.2f", "lua luajit python" },
    { "numbers through a `Queue` from one process to another", "across", "a second", "%.0f",
      "lua luajit python", "1000000" },
  },
}
