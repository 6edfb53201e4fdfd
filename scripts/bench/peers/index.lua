-- Index words by file in one plain loop: lua5.4 index.lua FOLDER

local index = {}

local function index_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a"):lower()
  file:close()
  for word in text:gmatch("%l+") do
    local files = index[word]
    if not files then
      index[word] = { path }
    elseif files[#files] ~= path then
      files[#files + 1] = path
    end
  end
end

for path in io.popen("find '" .. arg[1] .. "' -type f | LC_ALL=C sort"):lines() do index_file(path) end

local words = {}
for word in pairs(index) do words[#words + 1] = word end
table.sort(words)
for _, word in ipairs(words) do io.write(word, "\t", table.concat(index[word], " "), "\n") end
