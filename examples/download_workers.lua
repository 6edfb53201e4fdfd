-- Download workers: processes that fetch what comes on a queue, for as long as there is something.
--
--    parallel-lua examples/download_workers.lua
--
-- This fetches from a small server of its own; given http addresses, it fetches those. Needs LuaSocket
-- (Debian: lua-socket).
local http = require "socket.http"
local parallel = require "parallel"
local socket = require "socket"

-- ---- the workers ----------------------------------------------------------

local Downloader = parallel.Process:extend()

-- For ever: a daemon ends with the process that started it.
function Downloader:run()
  while true do
    local url = self.links:get()
    local body, status = http.request(url)
    self.pages:put({url = url, status = status, size = body and #body or 0})
    self.links:task_done()
  end
end

-- ---- something to download from -------------------------------------------

local function serve(listener)
  while true do
    local connection = listener:accept()
    local path = (connection:receive("*l") or ""):match("^GET /(%d+)")
    repeat local header = connection:receive("*l") until not header or header == ""
    local body = ("x"):rep(100 * (tonumber(path) or 0))
    connection:send(("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s"):format(#body, body))
    connection:close()
  end
end

local function addresses_of_our_own()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local address, port = listener:getsockname()
  local server = parallel.Process{ target = serve, args = {listener}, daemon = true }
  server:start()
  listener:close() -- the server has it
  local list = {}
  for i = 1, 6 do list[i] = ("http://%s:%d/%d"):format(address, port, i) end
  return list
end

-- ---- all of it ------------------------------------------------------------

local urls = #arg > 0 and arg or addresses_of_our_own()
local links, pages = parallel.JoinableQueue(), parallel.Queue()

for _ = 1, 3 do Downloader{ links = links, pages = pages, daemon = true }:start() end

for _, url in ipairs(urls) do links:put(url) end
links:join() -- until each has been fetched

local page_of = {}
for _ = 1, #urls do
  local page = pages:get()
  page_of[page.url] = page
end
for _, url in ipairs(urls) do
  local page = page_of[url]
  print(("%s %s %d bytes"):format(url:match("([^/]*)/?$"), page.status, page.size))
end
