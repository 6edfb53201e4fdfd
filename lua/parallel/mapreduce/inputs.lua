--- inputs: what the inputs of a job stand for: files, standard input, or records themselves.
local core = require("parallel.core")

local inputs = {}

local function join(folder, name) return folder:match("^(.-)/*$") .. "/" .. name end

local function add_folder(files, path)
  local names, why = core.list(path)
  if not names then error(why, 0) end
  for _, name in ipairs(names) do inputs.add(files, join(path, name), true) end
end

-- It names a descriptor of this process, and in a worker would lead elsewhere.
local function is_ours_alone(path)
  return path == "/dev/stdin" or path:find("^/dev/fd/") or path:find("^/proc/self/")
end

-- Files of /proc have no size, and yet there is something in them.
local function is_sizeless(path, size)
  local file = size == 0 and io.open(path, "rb")
  if not file then return false end
  local byte = file:read(1)
  file:close()
  return byte ~= nil
end

--- Append what a path stands for: {path, size, mtime} of a file, or of all files below a
-- folder, by name; {path, stream = true} for "-", pipes with a name, /dev/stdin and files without
-- a size. Raises a message when it cannot be read. Of what `is_found` in a folder, links, pipes and
-- the like are passed over, as find -type f and grep -r do: links would count files twice, or lead
-- round in a circle.
function inputs.add(files, path, is_found)
  local kind, size, mtime = "pipe", nil, nil
  if path ~= "-" then kind, size, mtime = core.stat(path, is_found) end
  if not kind then error(size, 0) end
  if kind ~= "directory" and is_ours_alone(path) then kind = "pipe" end
  if kind == "file" and not is_found and is_sizeless(path, size) then kind = "pipe" end
  if kind == "pipe" and not is_found then
    files[#files + 1] = {path = path, size = 0, stream = true}
  elseif kind == "directory" then
    add_folder(files, path)
  elseif kind == "file" then
    files[#files + 1] = {path = path, size = size, mtime = mtime}
  elseif not is_found then
    error(("cannot read '%s': it is neither a file, a directory nor a pipe"):format(path), 0)
  end
end

--- Is it read through a program of its own, and so in one piece?
function inputs.is_packed(path) return path:match("%.gz$") ~= nil or path:match("%.zst$") ~= nil end

return inputs
