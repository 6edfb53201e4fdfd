-- Every call of the system that may fail is made to, at one of its turns, once and from then on:
-- what comes out is right or a clean error, and nothing is left behind.
--
-- A run is a sample of the turns, by a seed that is told when it fails;
-- PARALLEL_LUA_TORTURE names a seed, or is "full" for all turns.
local parallel = require "parallel"
local pools = require "spec.support.pools"
local testing = require("parallel.core").testing
local trials = require "spec.support.trials"
local watchdog = require "spec.support.watchdog"

local ITEMS, DEADLY = 20, 7
local SAMPLE = 2 -- turns of each call, when it is a sample

-- By call: what it may fail with. Those that are tried again for ever cannot fail for ever.
local ERRORS = {
  ["sys.realloc"] = {"ENOMEM"}, ["sys.mmap"] = {"ENOMEM"}, ["sys.memfd_create"] = {"ENOSYS", "EMFILE"},
  ["sys.pipe2"] = {"EMFILE", "ENFILE"}, ["sys.socketpair"] = {"EMFILE"}, ["sys.fcntl"] = {"EINVAL"},
  ["sys.read"] = {"EINTR", "EIO"}, ["sys.write"] = {"EINTR", "EIO"},
  ["sys.pwritev2"] = {"EINTR", "EIO", "EOPNOTSUPP"}, ["sys.sendmsg"] = {"EINTR", "EIO"},
  ["sys.recvmsg"] = {"EINTR", "EIO"}, ["sys.poll"] = {"EINTR", "ENOMEM"},
  ["sys.epoll_create1"] = {"EMFILE"}, ["sys.epoll_ctl"] = {"ENOMEM", "ENOSPC"},
  ["sys.epoll_wait"] = {"EINTR"}, ["sys.close_range"] = {"ENOSYS"}, ["sys.fork"] = {"EAGAIN", "ENOMEM"},
  ["sys.pidfd_open"] = {"ENOSYS", "EMFILE"}, ["sys.pidfd_send_signal"] = {"ENOSYS", "EPERM"},
  ["sys.waitid"] = {"EINTR"},
}

local mode = os.getenv("PARALLEL_LUA_TORTURE")
local seed = tonumber(mode) or os.time()
local state = seed % 2147483646 + 1

local function random(n)
  state = state * 16807 % 2147483647
  return state % n + 1
end

local function work(i)
  if i == DEADLY then testing.kill(testing.getpid(), "KILL") end
  return i * i
end

local function scenario()
  local pool = pools.open(2)
  local results = pool:map(work, trials.count_to(ITEMS), {on_error = "collect"})
  pool:close()
  return results
end

local function assert_clean(problem)
  local text = tostring(problem)
  assert.is_truthy(parallel.is_failure(problem) or type(problem) == "string", text)
  assert.is_nil(text:match("attempt to"), text) -- a mistake of ours, on a path that is rarely taken
end

local function check(plan)
  testing.fault(plan)
  local ok, results = pcall(scenario)
  local acted = testing.fault_acted()
  pools.close()
  if not ok then return acted, assert_clean(results) end
  for i = 1, ITEMS do
    if parallel.is_failure(results[i]) then assert_clean(results[i])
    else assert.equal(i * i, results[i]) end
  end
  assert.is_true(parallel.is_failure(results[DEADLY]), "the dead have no results")
  return acted
end

local function turns(count)
  local list = {}
  for i = 1, mode == "full" and count or math.min(count, SAMPLE) do
    list[i] = mode == "full" and i or random(count)
  end
  return list
end

describe("a pool", function()
  after_each(pools.close)

  for call, errors in pairs(ERRORS) do
    for _, errno in ipairs(errors) do
      it(("survives %s failing with %s"):format(call, errno), function()
        local count = check(call .. ":delay0@*")
        for _, turn in ipairs(turns(count)) do
          for _, onwards in ipairs(errno == "EINTR" and {""} or {"", "+"}) do
            local plan = ("%s:%s@%d%s"):format(call, errno, turn, onwards)
            watchdog.hear(("%s (PARALLEL_LUA_TORTURE=%d)"):format(plan, seed))
            local ok, problem = pcall(check, plan)
            assert(ok, ("%s, with PARALLEL_LUA_TORTURE=%d: %s"):format(plan, seed, tostring(problem)))
          end
        end
      end)
    end
  end
end)
