--- context: the library's interface, bound to one start method.
local start_method = require("parallel.process.start_method")

local POOLED = {"map", "starmap", "imap", "imap_unordered", "reduce"} -- (f, items, options)

local function with_method(options, method)
  if options ~= nil and type(options) ~= "table" then return options end -- to be refused there
  local bound = {start_method = method}
  for name, value in pairs(options or {}) do bound[name] = value end
  return bound
end

local context = {}

--- What `parallel` has, with `method` instead of the default (nil: as it is now).
function context.new(parallel, method)
  method = start_method.check(method)
  local bound = {}
  function bound.Pool(options)
    if type(options) == "number" then options = {workers = options} end
    local made = parallel.Pool(with_method(options, method))
    return made
  end
  for _, name in ipairs(POOLED) do
    bound[name] = function(f, items, options)
      return parallel[name](f, items, with_method(options, method))
    end
  end
  function bound.mapreduce(job)
    local made = parallel.mapreduce(with_method(job, method))
    return made
  end
  function bound.get_start_method() return method end
  return setmetatable(bound, {__index = parallel})
end

return context
