-- Values of any kind, made as the input says, are the same when they were sent.
package.path = "./?.lua"
local values = require "spec.support.values"
local core = fuzz.core

values.register_types(core)

return function(bytes)
  local objects = values.from_bytes(bytes)
  local message = core.encode_trusted(objects)
  values.compare(objects, (core.decode_trusted(message)))
end
