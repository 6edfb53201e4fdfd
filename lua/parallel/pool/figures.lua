--- figures: what a crew has done so far, in numbers.
local figures = {}

local function waiting(crew)
  local count = crew.backlog:count()
  for _, chunk in pairs(crew.held) do
    if type(chunk) == "table" then count = count + chunk.items.n end
  end
  return count
end

--- A table: workers, busy, queued, done, failed, retried, deaths, bytes_sent, bytes_received,
-- progress (bytes), and by worker {pid, tasks, busy_seconds, memory (bytes)}.
function figures.of(crew)
  local stats = crew.transport:stats()
  stats.done, stats.failed, stats.retried = crew.done, crew.failed, crew.retried
  stats.queued = math.max(0, waiting(crew) - stats.busy)
  for worker, pid in ipairs(crew.transport:workers()) do
    stats[worker] = {pid = pid, tasks = crew.ran[worker] or 0, busy_seconds = crew.seconds[worker] or 0,
                     memory = crew.transport:memory(worker)}
  end
  return stats
end

return figures
