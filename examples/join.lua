-- Join two files by the first field of their lines: every user with every order of that user.
--
--    parallel-lua -v left=users.tsv examples/join.lua users.tsv orders.tsv
--
-- Both sides are emitted under the key that they share, with a mark that says
-- which one it is; reduce sees them together. Keys on one side only are dropped.
return {
  map = function(line, emit, info)
    local key, rest = line:match("^([^\t]*)\t(.*)$")
    if key then emit(key, {info.path == _G.left, rest}) end
  end,
  reduce = function(key, values, emit)
    local users, orders = {}, {}
    for value in values do
      local side = value[1] and users or orders
      side[#side + 1] = value[2]
    end
    for _, user in ipairs(users) do
      for _, order in ipairs(orders) do emit(key, {user, order}) end
    end
  end,
  sort = "key",
}
