-- files: temporary files and folders for specs, removed after each test.
local lfs = require "lfs"

local files = {}

local INTERRUPTED = 4 -- EINTR

local function home()
  local path = os.getenv("TMPDIR") .. "/files"
  if not lfs.attributes(path, "mode") then assert(lfs.mkdir(path)) end
  return path
end

--- A path for a file of that name; nothing is there yet.
function files.path(name)
  return home() .. "/" .. name
end

--- Write text to a file of that name ("a/b" makes the folder a); returns its path.
function files.write(name, text)
  for slash in name:gmatch("()/") do lfs.mkdir(files.path(name:sub(1, slash - 1))) end
  local path = files.path(name)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
  return path
end

--- Open a named pipe for writing, which waits for its reader, whatever signals come.
function files.open_pipe(path)
  local file, why, number
  repeat file, why, number = io.open(path, "wb") until file or number ~= INTERRUPTED
  return assert(file, why)
end

--- An empty folder of that name; returns its path.
function files.folder(name)
  local path = files.path(name)
  assert(lfs.mkdir(path))
  return path
end

--- The whole file, or nil when there is none.
function files.read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

--- Remove all of them; the harness does it after each test.
function files.clear()
  local path = os.getenv("TMPDIR") .. "/files"
  if lfs.attributes(path, "mode") then os.execute("rm -rf '" .. path .. "'") end
end

return files
