-- full_name(element, parent): what busted calls a test, from the outermost describe inwards.
local busted = require "busted"

return function(element, parent)
  local names = {}
  while element and element.descriptor ~= "suite" do
    if element.name and element.descriptor ~= "file" then table.insert(names, 1, element.name) end
    element, parent = parent, parent and busted.parent(parent)
  end
  return #names > 0 and table.concat(names, " ") or nil
end
