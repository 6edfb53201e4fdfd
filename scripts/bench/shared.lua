-- shared: what numbers in shared memory and locks cost, one by one and many at a time.
return {
  title = "**Shared numbers**: one process, nobody waits; the limit is C.",
  programs = {
    { "lua", "**parallel-lua**, Lua 5.4", "lua5.4 $scripts/shared/ours.lua $module" },
    { "luajit", "**parallel-lua**, LuaJIT", "luajit $scripts/shared/ours.lua $jitmodule" },
    { "python", "Python", "$python $scripts/shared/python.py" },
    { "limit", "limit", "./shared" },
  },
  works = {
    { "acquire a `Lock` and release it", "mutex", "ns", "%.0f", "lua luajit python limit",
      "what C takes, and two calls from Lua" },
    { "add to a `Value` (Python: under its lock, having no other way)", "add", "ns", "%.0f",
      "lua luajit python limit" },
    { "lock a `Value`, get it, set it, and unlock it", "lock", "ns", "%.0f", "lua luajit python" },
    { "the sum of an `Array` of 1e7 doubles", "sum", "ms", "%.1f", "lua luajit python limit",
      "1 of the limit" },
    { "add up its elements in a loop, each", "read", "ns", "%.1f", "lua luajit python limit" },
    { "the same through `a:ffi()`", "view", "ns", "%.1f", "luajit", "as the next" },
    { "the same of a plain FFI array", "plain", "ns", "%.1f", "luajit" },
  },
}
