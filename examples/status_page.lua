-- A web page that shows what a pool is doing, served by the process that owns the pool.
--
--    parallel-lua examples/status_page.lua 8080
--
-- Then look at http://127.0.0.1:8080/ (port 0: any that is free). One select waits for browsers and
-- for the pool alike, so neither makes the other wait. Ctrl-C ends it. Needs LuaSocket (Debian: lua-socket).
local parallel = require "parallel"
local socket = require "socket"

-- ---- the work: the longest walk of 3n + 1 from a number below a million ---

local function longest_walk(first, last)
  local longest, from = 0, nil
  for start = first, last do
    local n, steps = start, 0
    while n ~= 1 do
      n = n % 2 == 0 and n / 2 or 3 * n + 1
      steps = steps + 1
    end
    if steps > longest then longest, from = steps, start end
  end
  return longest, from
end

local PART, END = 2000, 1000000
local pool = parallel.Pool{ name = "walks" }
local began, next_part, best = socket.gettime(), 1, {steps = 0, from = 1}

-- Each end calls for the next part, for ever: after the last comes the first again.
local function submit_part()
  local first = next_part
  next_part = (first + PART) % END
  pool:apply_async(longest_walk, {first, first + PART - 1}, {callback = function(steps, from)
    if steps > best.steps then best = {steps = steps, from = from} end
    submit_part()
  end})
end

for _ = 1, 3 * pool:count() do submit_part() end

-- ---- the page -------------------------------------------------------------

local PAGE = [[
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="1">
<meta name="viewport" content="width=device-width">
<title>pool %s</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
  table { border-collapse: collapse; width: 100%% }
  th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid #8884 }
  th:first-child, td:first-child { text-align: left }
  td { font-variant-numeric: tabular-nums }
  meter { width: 8rem; vertical-align: middle }
</style>
<h1>Pool “%s”</h1>
<p>%d tasks done in %.0f seconds, %d queued, %d failed, %d workers died.
<table>
<tr><th>worker<th>process<th>tasks<th>memory<th>busy
%s</table>
<p>The longest walk so far has %d steps and begins at %d.
</html>
]]

local ROW = '<tr><td>%d<td>%d<td>%d<td>%.0f KiB<td>%.0f %% <meter value="%.3f"></meter>\n'

local function page()
  local stats, rows, seconds = pool:stats(), {}, socket.gettime() - began
  for i, worker in ipairs(stats) do
    local share = math.min(1, worker.busy_seconds / seconds)
    rows[i] = ROW:format(i, worker.pid, worker.tasks, worker.memory / 1024, share * 100, share)
  end
  return PAGE:format("walks", "walks", stats.done, seconds, stats.queued, stats.failed, stats.deaths,
    table.concat(rows), best.steps, best.from)
end

-- ---- browsers -------------------------------------------------------------

local MOST = 8192 -- bytes of a request

local ANSWER = "HTTP/1.1 %s\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Length: %d\r\n" ..
  "Connection: close\r\n\r\n%s"

local function answer(status, kind, body) return ANSWER:format(status, kind, #body, body) end

local function respond(request)
  local method, path = request:match("^(%u+) (%S+)")
  if method ~= "GET" then return answer("405 Method Not Allowed", "plain", "only GET\n") end
  if path ~= "/" then return answer("404 Not Found", "plain", "nothing there\n") end
  return answer("200 OK", "html", page())
end

local requests = {} -- what each connection has sent so far

-- Takes what has come; when that is a whole request, answers and hangs up.
local function hear(connection)
  local text, why, part = connection:receive(MOST)
  local request = requests[connection] .. (text or part)
  requests[connection] = request
  local is_whole = request:find("\r\n\r\n", 1, true)
  if is_whole then connection:send(respond(request)) end
  if is_whole or why == "closed" or #request > MOST then
    requests[connection] = nil
    connection:close()
  end
end

local listener = assert(socket.bind("127.0.0.1", tonumber(arg[1] or 8080)))
listener:settimeout(0)

local function welcome()
  local connection = listener:accept()
  if not connection then return end -- it has gone again
  connection:settimeout(0)
  requests[connection] = ""
end

-- ---- the loop -------------------------------------------------------------

-- The pool, as select wants something to look at.
local watched = {getfd = function() return pool:pollfd() end, dirty = function() return false end}

print(("http://%s:%d/"):format(listener:getsockname()))
io.flush()
while true do
  local readers = {listener, watched}
  for connection in pairs(requests) do readers[#readers + 1] = connection end
  for _, one in ipairs((socket.select(readers, nil, pool:timeout()))) do
    if one == listener then welcome() elseif one ~= watched then hear(one) end
  end
  pool:step()
end
