--- cancelling: items that a crew holds, and that shall not be run to their end.
local piece = require("parallel.pool.chunk").piece

local function place_in(chunk, source, number)
  if type(chunk) ~= "table" or chunk.source ~= source then return nil end
  local place = number - chunk.first + 1
  return place >= 1 and place <= chunk.items.n and place or nil
end

-- The chunk without this item goes to a worker again.
local function send_neighbours(crew, chunk, place)
  local n = chunk.items.n
  if place < n then table.insert(crew.again, piece(chunk, place + 1, n, chunk.attempts)) end
  if place > 1 then table.insert(crew.again, piece(chunk, 1, place - 1, chunk.attempts)) end
end

local function withdraw(crew, id)
  local chunk = crew.held[id]
  crew.held[id] = nil
  crew.holding = crew.holding - 1
  return chunk
end

-- Should the worker not come to its items, another shall not begin this one either.
local function note_refused(chunk, place)
  chunk.refused = chunk.refused or {}
  chunk.refused[place] = true
end

local cancelling = {}

--- The item shall not be run to its end. "withdrawn": no worker has it any more;
-- "refused": the worker that has it will not begin it; "stopped": it was
-- running, and its outcome is still to come; nil: there is no such item.
-- And the chunk that it was in.
function cancelling.item(crew, source, number)
  for i, chunk in ipairs(crew.again) do
    local place = place_in(chunk, source, number)
    if place then
      send_neighbours(crew, table.remove(crew.again, i), place)
      return "withdrawn", chunk
    end
  end
  for id, chunk in pairs(crew.held) do
    local place = place_in(chunk, source, number)
    if place then
      local how = crew.transport:cancel(id, place)
      if how == "withdrawn" then send_neighbours(crew, withdraw(crew, id), place) end
      if how == "refused" then note_refused(chunk, place) end
      return how, chunk
    end
  end
end

--- Nothing of this source shall be run to its end.
function cancelling.source(crew, source)
  for i = #crew.again, 1, -1 do
    if crew.again[i].source == source then table.remove(crew.again, i) end
  end
  for id, chunk in pairs(crew.held) do
    if type(chunk) == "table" and chunk.source == source then
      chunk.cancelled = true
      if crew.transport:cancel(id) == "withdrawn" then withdraw(crew, id) end
    end
  end
end

return cancelling
