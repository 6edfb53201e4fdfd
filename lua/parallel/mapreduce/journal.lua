--- journal: what a job that reduces has done, in a folder, so that the same job goes on from there.
--
--    manifest    first the job and its inputs, then a record for each commit:
--                which splits it covers, and the runs that they became
--    run-S-W     these runs, as worker W of the S-th process that worked on it wrote them
--
-- A commit counts when its runs are on disk, and then its record is: whatever is killed, and
-- whenever, what the manifest tells of is there, and nothing else counts. Splits are
-- known by their numbers, and so the inputs must be what they were.
local core = require("parallel.core")
local fingerprint = require("parallel.mapreduce.fingerprint")
local log = require("parallel.base.log")

local Journal = {}
Journal.__index = Journal

-- A split is what a kill costs at least, for any number of workers the same.
Journal.SIZE_OF_SPLIT = 256 * 1024

local function refuse(self, format, ...)
  error(("cannot use the journal '%s': "):format(self.path) .. format:format(...), 0)
end

local function checked(self, ok, why)
  if not ok then error(("cannot write the journal '%s': %s"):format(self.path, why), 0) end
  return ok
end

local function warn(self, job, ...)
  local text = ("the journal '%s': "):format(self.path) .. string.format(...)
  if job.warn then job.warn(text) else log.warn("%s", text) end
end

-- ---- what an earlier process left -----------------------------------------

local function run_path(self, name) return self.path .. "/" .. name end

local function read_records(self)
  for name, body in function() return self.manifest:next() end do
    local record = core.decode(body)
    if name == "job" then self.first = record else table.insert(self.commits, record) end
  end
end

-- Each file of runs is opened once; false: it is not there.
local function open_runs(self, name)
  if self.opened[name] == nil then
    self.opened[name] = core.file(run_path(self, name), "read") or false
  end
  return self.opened[name]
end

local function moved_runs(self, commit)
  local file = open_runs(self, commit.file)
  if not file then return nil, "is missing" end
  local moved = {}
  for i, run in ipairs(commit.runs) do
    moved[i] = core.moved_run(run, file:fd())
    if not core.verify_run(moved[i]) then return nil, "is damaged" end
  end
  return moved
end

local function each_split(commit, f)
  for i = 1, #commit.splits, 2 do
    for number = commit.splits[i], commit.splits[i + 1] do f(number) end
  end
end

-- One whose runs could not be read once, when its splits were mapped again, must not count besides.
local function overlaps(self, commit)
  local found = false
  each_split(commit, function(number) found = found or self.covered[number] end)
  return found
end

local function cover(self, commit)
  each_split(commit, function(number) self.covered[number], self.resumed = true, self.resumed + 1 end)
end

local function take_commit(self, job, commit, told)
  if overlaps(self, commit) then return end
  local moved, why = moved_runs(self, commit)
  if moved then
    cover(self, commit)
    for _, run in ipairs(moved) do table.insert(self.runs, run) end
  elseif not told[commit.file] then
    told[commit.file] = true
    warn(self, job, "'%s' %s, and what it held is mapped again", commit.file, why)
  end
end

-- ---- is it the same job? --------------------------------------------------

local function described(files)
  local list = {}
  for i, file in ipairs(files) do list[i] = {file.path, file.size, file.mtime} end
  return list
end

local function sizes_of(inputs)
  local by_path = {}
  for _, input in ipairs(inputs) do by_path[input[1]] = input end
  return by_path
end

local function changed_input(before, now)
  local known, found = sizes_of(before), sizes_of(now)
  for _, input in ipairs(now) do
    local was = known[input[1]]
    if not was then return ("the input '%s' is new"):format(input[1]) end
    if was[2] ~= input[2] or was[3] ~= input[3] then
      return ("the input '%s' has changed"):format(input[1])
    end
  end
  for _, input in ipairs(before) do
    if not found[input[1]] then return ("the input '%s' is gone"):format(input[1]) end
  end
  for i = 1, math.max(#before, #now) do
    if not (before[i] and now[i]) or before[i][1] ~= now[i][1] then return "its inputs had another order" end
  end
end

local function check_inputs(self, files)
  local folder = self.path:gsub("/*$", "/")
  for _, file in ipairs(files) do
    if file.stream then refuse(self, "'%s' cannot be read a second time", file.path) end
    if file.path:sub(1, #folder) == folder then refuse(self, "it is among the inputs") end
  end
end

--- The job, whose inputs are these files, goes on with what there is; what cannot be read is
-- told. Raises a message when it is another job's.
function Journal:go_on(job, files)
  check_inputs(self, files)
  local now = {job = fingerprint.of(job), inputs = described(files), partitions = job.partitions,
               made = self.made}
  local first = #self.commits > 0 and self.first or now
  local why = fingerprint.difference(first.job, now.job) or changed_input(first.inputs, now.inputs)
  if why then refuse(self, "it is another job's: %s (remove it to begin anew)", why) end
  self.now, job.partitions = now, first.partitions
  local told = {}
  for _, commit in ipairs(self.commits) do take_commit(self, job, commit, told) end
end

--- Is the split of this number done?
function Journal:has(number) return self.covered[number] ~= nil end

-- ---- what is added --------------------------------------------------------

-- Those of an earlier process that nothing tells of hold nothing that counts.
local function remove_runs(self)
  local last = 0
  for _, name in ipairs(core.list(self.path) or {}) do
    local session = tonumber(name:match("^run%-(%d+)%-%d+$"))
    if session and not self.opened[name] then core.unlink(run_path(self, name)) end
    last = math.max(last, session or 0)
  end
  return last
end

-- That files are there must outlive a power cut before they are told of.
local function sync_folder(self)
  local folder = checked(self, core.file(self.path, "read"))
  checked(self, folder:sync())
  folder:close()
end

--- Makes the files that so many workers write their runs to.
function Journal:begin(workers)
  local session = remove_runs(self) + 1
  if not self.first then checked(self, self.manifest:append("job", core.encode(self.now))) end
  for worker = 1, workers do
    local name = ("run-%d-%d"):format(session, worker)
    self.names[worker] = name
    self.files[worker] = checked(self, core.file(run_path(self, name), "create"))
  end
  sync_folder(self)
end

--- The descriptor of the file that a worker writes its runs to.
function Journal:fd(worker) return self.files[worker]:fd() end

--- All descriptors that workers need.
function Journal:descriptors()
  local fds = {}
  for _, file in ipairs(self.files) do fds[#fds + 1] = file:fd() end
  for _, file in pairs(self.opened) do fds[#fds + 1] = file and file:fd() or nil end
  return fds
end

local function add_split(splits, number)
  if splits[#splits] == number - 1 then
    splits[#splits] = number
  else
    splits[#splits + 1], splits[#splits + 2] = number, number
  end
end

-- First and last of those that follow each other.
local function splits_of(batches)
  local splits = {}
  for _, batch in ipairs(batches) do
    for number = batch.number, batch.number + batch.count - 1 do
      if not (batch.without and batch.without[number]) then add_split(splits, number) end
    end
  end
  return splits
end

--- A worker has these runs on disk, of the splits of these batches.
function Journal:commit(worker, runs, batches)
  local record = {file = self.names[worker], runs = runs, splits = splits_of(batches)}
  checked(self, self.manifest:append("commit", core.encode(record)))
  self.has_commits = true
end

-- ---- the end --------------------------------------------------------------

--- Close it. Twice is harmless.
function Journal:close()
  for _, files in ipairs({self.files, self.opened}) do
    for _, file in pairs(files) do
      if file then file:close() end
    end
  end
  self.files, self.opened = {}, {}
  if self.manifest then self.manifest:close() end
end

--- The job is done: nothing is left of the journal, nor of its folder if that was made for it.
function Journal:finish()
  core.unlink(run_path(self, "manifest")) -- first, so that none tells of runs that are gone
  self:close()
  remove_runs(self)
  if self.made then os.remove(self.path) end
end

--- The job ended otherwise: what it committed is kept.
function Journal:leave()
  if self.has_commits or #self.commits > 0 then self:close() else self:finish() end
end

local journal = {}

local function new(path, made)
  return setmetatable({path = path, made = made, commits = {}, covered = {}, resumed = 0, opened = {},
                       runs = {}, files = {}, names = {}}, Journal)
end

local function open_manifest(self, only_read)
  local manifest, why = core.manifest(run_path(self, "manifest"), only_read)
  if not manifest then refuse(self, "%s", why) end
  self.manifest = manifest
  read_records(self)
end

-- Where nothing was committed there is nothing to go on with, and any job may begin.
local function forget_first(self)
  if self.first then self.made = self.made or self.first.made end
  if #self.commits > 0 then return end
  self.first = nil
  self.manifest:clear()
end

--- The journal in this folder, which is made when it is not there; no other process has it
-- meanwhile. Raises a message.
function journal.open(path)
  local self = new(path, core.stat(path) == nil)
  checked(self, core.make_folder(path))
  open_manifest(self, false)
  forget_first(self)
  return self
end

--- The same for looking at it only.
function journal.read(path)
  local self = new(path, false)
  if core.stat(run_path(self, "manifest")) then open_manifest(self, true) end
  return self
end

return journal
