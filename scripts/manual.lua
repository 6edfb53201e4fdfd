-- Write the manual page of the program, from the table of options that --help prints.
--
--    build/bin/parallel-lua scripts/manual.lua > parallel-lua.1
local options = require("parallel.cli.options")
local parallel = require("parallel")

local DATE = "November 22, 2026" -- of the last change to the words below

local BEFORE = [[
.Dd %s
.Dt PARALLEL-LUA 1
.Os
.Sh NAME
.Nm parallel-lua
.Nd run Lua scripts and map-reduce jobs in parallel
.Sh SYNOPSIS
.Nm
.Op Ar options
.Ar script.lua
.Op Ar argument ...
.Nm
.Op Ar options
.Fl e Ar code
.Op Ar file ...
.Nm
.Op Ar options
.Cm check Ar job.lua
.Nm
.Cm doctor
.Nm
.Cm completion Cm bash | zsh | fish
.Sh DESCRIPTION
.Nm
runs a Lua script.
A script that returns a table with a function
.Va map
is a job:
it is run over the files named behind it, in one worker process a processor,
and comes to the same result whichever of them dies.
With
.Fl e
the job stands on the command line, and without files it reads standard input.
.Pp
.Cm check
loads a job without running it, and says what is wrong with it, or what it
would do.
.Cm doctor
says what this build and this machine offer.
.Cm completion
prints what makes a shell complete the arguments.
]]

local AFTER = [[
.Sh JOB LOG
A line a split, with tabs between file, size, mtime, offset, length, start,
seconds and status.
In names
.Ql \et ,
.Ql \en ,
.Ql \er
and
.Ql \e\e
stand for themselves.
The status is 0, 1 after an error, 124 when time ran out, 128 + n when signal n
ended the worker, or what the worker exited with.
.Fl -resume
knows splits by the first five, so that inputs may come, go and change between
two runs.
.Sh ENVIRONMENT
.Bl -tag -width NO_COLOR
.It Ev NO_COLOR
When set and not empty, messages have no color unless
.Fl -color Ns = Ns Cm always
is given.
.It Ev TMPDIR
Where files go that are too large for memory.
.El
.Sh EXIT STATUS
.Bl -tag -width 128+n
.It 0
All was done.
.It 1
The job failed, or splits were skipped.
.It 2
Wrong usage, or a missing or bad job file.
.It 3
Input could not be read, or output not be written.
.It 128+n
Signal n ended it.
.El
.Sh EXAMPLES
Count words:
.Pp
.Dl parallel-lua -e 'emit:all(words(record, \(dqlower\(dq))' --reduce sum --top 20 *.txt
.Pp
Go on where a run was interrupted:
.Pp
.Dl parallel-lua --joblog log --resume -e 'emit(work(record))' data/ >> out
.Sh SEE ALSO
.Xr lua 1 ,
.Xr xargs 1
]]

-- A line of text; what troff would take for a request, or an escape, is none.
local function text(line)
  line = line:gsub("\\", "\\e"):gsub('"', "\\(dq"):gsub("%-", "\\-")
  return (line:gsub("^([.'])", "\\&%1"))
end

-- Lines that are no longer than mandoc wants them.
local function wrapped(help)
  local lines, line = {}, ""
  for word in help:gmatch("%S+") do
    if #line + #word >= 78 then
      lines[#lines + 1], line = text(line), word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = text(line)
  return table.concat(lines, "\n")
end

-- mdoc writes one dash itself.
local function flag(name) return "Fl " .. name:sub(2) end

local function print_option(option)
  local name, short, argument, help = option[1], option[2], option[3], option[4]
  local names = short and flag(short) .. " , " .. flag("--" .. name) or flag("--" .. name)
  print(".It " .. names .. (argument and " Ar " .. argument or ""))
  print(wrapped(help))
end

local function print_options()
  print(".Sh OPTIONS")
  for _, group in ipairs((options.all())) do
    print(".Ss " .. group[1])
    print(".Bl -tag -width Ds")
    for _, option in ipairs(group[2]) do print_option(option) end
    print(".El")
  end
  print(".Ss Other")
  print(".Bl -tag -width Ds")
  print_option({"help", "-h", nil, "Print the options, and end."})
  print_option({"version", nil, nil, "Print the version (" .. parallel._VERSION .. "), and end."})
  print(".El")
end

io.write((BEFORE:gsub("%%s", DATE)))
print_options()
io.write(AFTER)
