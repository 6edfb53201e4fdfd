--- cancelling: items that a crew holds, and that shall not be run to their end.
local cancelling = {}

-- The transport took back the items from this place on (nil: none). Those that are still wanted go to a
-- worker again, without the one at `place` if that is given.
local function release(crew, id, chunk, from, place)
  if not from then return end
  if place then
    crew.backlog:put_rest(chunk, math.max(place + 1, from))
    crew.backlog:put_again(chunk, from, place - 1, chunk.attempts)
  end
  chunk.items.n = from - 1
  if from > 1 then return end
  crew.held[id] = nil
  crew.holding = crew.holding - 1
end

local function place_in(chunk, source, number)
  if type(chunk) ~= "table" or chunk.source ~= source then return nil end
  local place = number - chunk.first + 1
  return place >= 1 and place <= chunk.items.n and place or nil
end

--- The item shall not be run to its end. "withdrawn": no worker has it any more;
-- "refused": the worker that has it will not begin it, or ended it just now; "stopped": it was
-- running, and its outcome is still to come; nil: there is no such item.
-- And the chunk that it was in.
function cancelling.item(crew, source, number)
  local waiting, at = crew.backlog:find(source, number)
  if waiting then
    crew.backlog:put_rest(waiting, at + 1)
    crew.backlog:put_again(waiting, 1, at - 1, waiting.attempts)
    return "withdrawn", waiting
  end
  for id, chunk in pairs(crew.held) do
    local place = place_in(chunk, source, number)
    if place then
      local how, from = crew.transport:cancel(id, place)
      release(crew, id, chunk, from, place)
      return how, chunk
    end
  end
end

--- Nothing of this source shall be run to its end.
function cancelling.source(crew, source)
  crew.backlog:drop(source)
  for id, chunk in pairs(crew.held) do
    if type(chunk) == "table" and chunk.source == source then
      local _, from = crew.transport:cancel(id)
      release(crew, id, chunk, from)
    end
  end
end

return cancelling
