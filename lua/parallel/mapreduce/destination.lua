--- destination: the file, folder or descriptor that a job's text goes to.
--
--    destination:part(text)   the descriptor of the next part; text is what it ends with
--    destination:keep()       all is written: the files take their places
--    destination:close()      what was not kept is gone
--
-- A file or a descriptor has one part; a folder has one for each call.
local core = require("parallel.core")

local function checked(ok, why)
  if not ok then error(why, 0) end
  return ok
end

local function write(fd, text)
  local ok, why = core.write(fd, text)
  if not ok then error("cannot write the output: " .. why, 0) end
end

-- ---- a descriptor ---------------------------------------------------------

local Descriptor = {}
Descriptor.__index = Descriptor

function Descriptor:part() return self.fd end
function Descriptor.keep() end
function Descriptor.close() end

-- ---- a file ---------------------------------------------------------------

local File = {}
File.__index = File

function File:part() return self.aside:fd() end
function File:keep() checked(self.aside:keep()) end
function File:close() self.aside:close() end

local function open_file(path)
  return setmetatable({path = path, aside = checked(core.aside(path))}, File)
end

-- ---- a folder -------------------------------------------------------------

local Folder = {}
Folder.__index = Folder

local function part_path(self, number) return ("%spart-%05d"):format(self.path, number) end

function Folder:part()
  local aside = checked(core.aside(part_path(self, #self.parts)))
  table.insert(self.parts, aside)
  return aside:fd()
end

-- Parts of an earlier run that had more of them would be taken for ours.
local function remove_others(self)
  local number = #self.parts
  while os.remove(part_path(self, number)) do number = number + 1 end
end

function Folder:keep()
  for _, aside in ipairs(self.parts) do checked(aside:keep()) end
  remove_others(self)
end

function Folder:close()
  for _, aside in ipairs(self.parts) do aside:close() end
end

local function open_folder(path)
  checked(core.make_folder(path))
  return setmetatable({path = path, parts = {}, is_folder = true}, Folder)
end

-- What these are open on is written with them, not replaced: what is there already may stay.
local STANDARD = {
  ["/dev/stdout"] = 1, ["/dev/fd/1"] = 1, ["/proc/self/fd/1"] = 1,
  ["/dev/stderr"] = 2, ["/dev/fd/2"] = 2, ["/proc/self/fd/2"] = 2,
}

local destination = {write = write}

--- Of a path (a folder when it ends in "/") or a descriptor. Raises a message.
function destination.open(where)
  where = STANDARD[where] or where
  if type(where) == "number" then return setmetatable({fd = where}, Descriptor) end
  return where:sub(-1) == "/" and open_folder(where) or open_file(where)
end

return destination
