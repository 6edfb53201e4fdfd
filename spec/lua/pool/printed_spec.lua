-- What workers print, and where it comes out.
local parallel = require "parallel"
local files = require "spec.support.files"
local shell = require "spec.support.shell"
local trials = require "spec.support.trials"

-- What a program prints, to a pipe, that has a pool of `options`, a string, and then
-- does `body`; maybe with a fault.
local function printed(options, body, fault)
  local program = ("local parallel = require 'parallel'\nlocal pool = parallel.Pool({%s})\n%s\npool:close()")
    :format(options, body)
  local script = files.write("program.lua", program)
  local to = files.path("printed")
  local piped = ("set -o pipefail; %s %s | cat > %s"):format(shell.interpreter(), script, to)
  local result = shell.run({"bash", "-c", piped}, {env = {PARALLEL_LUA_FAULT = fault or ""}})
  assert.same({status = 0, signal = nil}, {status = result.status, signal = result.signal}, result.stderr)
  return files.read(to), result.stderr
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch("([^\n]*)\n") do lines[#lines + 1] = line end
  return lines
end

local function sorted_lines(text)
  local lines = lines_of(text)
  table.sort(lines)
  return lines
end

-- Each of four workers prints lines of 10 kB, of one letter each.
local function assert_whole_lines(statement)
  local text = printed("workers = 4", ([[
    pool:map(function(letter)
      local line = letter:rep(10000)
      for _ = 1, 5 do %s end
    end, {"a", "b", "c", "d", "e", "f", "g", "h"}, {chunksize = 1})]]):format(statement))
  local lines = lines_of(text)
  assert.equal(40, #lines)
  for _, line in ipairs(lines) do
    assert.equal(10000, #line)
    assert.equal(line:sub(1, 1):rep(10000), line)
  end
end

describe("what workers print", function()
  it("comes out in whole lines, however long", function()
    assert_whole_lines("print(line)")
  end)

  it("comes out in whole lines that were written in pieces", function()
    assert_whole_lines("io.write(line:sub(1, 5000)); io.write(line:sub(5001)); io.write('\\n')")
  end)

  it("comes out in whole lines when commands print them", function()
    assert_whole_lines("os.execute(('printf %%s %s; echo %s'):format(line:sub(1, 5000), line:sub(5001)))")
  end)

  it("comes out before the result does", function()
    local text = printed("workers = 1", [[
      for i = 1, 3 do
        pool:apply(print, "worker", i)
        pool:apply(os.execute, "echo command " .. i)
        print("owner", i)
        io.flush()
      end]])
    local expected = {}
    for i = 1, 3 do
      expected[i] = ("worker\t%d\ncommand %d\nowner\t%d\n"):format(i, i, i)
    end
    assert.equal(table.concat(expected), text)
  end)

  it("comes out when the command that printed it has ended", function()
    assert.equal("command\n", printed("workers = 1", [[
      local mark = os.getenv("TMPDIR") .. "/files/printed"
      pool:apply(function()
        os.execute("echo command")
        repeat
          local file = io.open(mark)
          local text = file:read("*a")
          file:close()
        until text == "command\n"
      end)]]))
  end)

  it("is that of os.execute which a worker sends on, too", function()
    assert.equal("command\n", printed("workers = 1", [[
      pool:apply(function()
        local inner = parallel.Pool(1)
        inner:apply(os.execute, "echo command")
        inner:close()
      end)]]))
  end)

  it("comes out at the task's end when its line was not finished", function()
    assert.equal("abc", printed("workers = 1", [[
      for _, letter in ipairs({"a", "b", "c"}) do pool:apply(function() io.write(letter) end) end]]))
  end)

  it("is not lost when the worker is killed", function()
    local text = printed("workers = 1", [[
      pool:apply(print, "finished")
      pcall(pool.apply, pool, function()
        print("printed")
        os.execute("echo by a command; kill -9 $PPID")
      end)]])
    assert.equal("finished\nprinted\nby a command\n", text)
  end)

  it("goes to stderr when it was printed there", function()
    local text, errors = printed("workers = 2", [[
      pool:map(function(x) io.stderr:write("error ", x, "\n") end, {1, 2, 3})
      pool:apply(os.execute, "echo error 4 >&2")]])
    assert.equal("", text)
    assert.same({"error 1", "error 2", "error 3", "error 4"}, sorted_lines(errors))
  end)

  it("comes out of os.exit, and of a finalizer", function()
    assert.equal("ends\nleaves\n", printed("workers = 1, finalizer = function() print('leaves') end", [[
      pcall(pool.apply, pool, function() print("ends") os.exit(3) end)
      pool:apply(type, 1)]]))
  end)

  for _, method in ipairs({"template", "spawn"}) do
    it("comes out of workers that were started by " .. method, function()
      assert.equal("[pool worker 1] a\n[pool worker 1] b\n[pool worker 1] c\n",
        printed(("workers = 1, output = 'tag', start_method = '%s'"):format(method), [[
          pool:apply(function() print("a") os.execute("echo b") end)
          pcall(pool.apply, pool, function() os.execute("echo c; kill -9 $PPID") end)]]))
    end)
  end

  it("comes out of a pool within a worker", function()
    assert.same({"inner 1", "inner 2", "outer"}, sorted_lines(printed("workers = 1", [[
      pool:apply(function()
        local inner = parallel.Pool(2)
        inner:map(function(x) print("inner " .. x) end, {1, 2})
        inner:close()
        print("outer")
      end)]])))
  end)

  it("comes out of processes that a task started", function()
    assert.equal("[pool worker 1] before\n[pool worker 1] child\n[pool worker 1] after\n",
      printed("workers = 1, output = 'tag'", [[
        pool:apply(function()
          io.write("bef")
          io.write("ore\n")
          local p = parallel.Process(function() print("child") end)
          p:start()
          p:join()
          print("after")
        end)]]))
  end)

  -- In the worker alone: a fresh interpreter shares no fault with its owner.
  it("is at worst delayed when a call fails that carries it", function()
    for _, plan in ipairs({"sys.fstat:EIO@1", "sys.pread:EIO@1", "sys.realloc:ENOMEM@1", "sys.ftruncate:EIO@1",
                           "sys.pwritev2:EAGAIN@1", "sys.pwritev2:EOPNOTSUPP@*", "sys.poll:EINTR@1"}) do
      assert.equal("command\nworker\nlast\n", printed("workers = 1, start_method = 'spawn'", ([[
        pool:apply(function()
          local testing = require("parallel.core").testing
          testing.fault(%q)
          os.execute("echo command")
          testing.fault(nil)
          os.execute("true")
          print("worker")
        end)
        pool:apply(print, "last")]]):format(plan)), plan)
    end
  end)

  it("is said not to have come out when there was no memory for it", function()
    assert.equal("[pool worker 1] first\n[pool worker 1] ENOMEM\n[pool worker 1] last\n",
      printed("workers = 1, output = 'tag', start_method = 'spawn'", [[
      pool:apply(function()
        local testing = require("parallel.core").testing
        print("first")
        testing.fault("sys.realloc:ENOMEM@1")
        local ok, _, errno = io.write("not this\n")
        testing.fault(nil)
        print(not ok and errno == 12 and "ENOMEM" or "written")
      end)
      pool:apply(print, "last")]]))
  end)

  it("goes nowhere where the program's own output is closed, which hinders no task", function()
    local script = files.write("program.lua", [[
      local parallel = require("parallel")
      local pool = parallel.Pool(1)
      local function f(x)
        print("lost")
        return x + 1
      end
      io.stderr:write(pool:apply(f, 1), pool:apply(f, 2), "\n")
      pool:close()]])
    local result = shell.run(("%s %s >&-"):format(shell.interpreter(), script))
    assert.same({status = 0, stdout = "", stderr = "23\n"}, result)
  end)

  it("comes out of map-reduce jobs too", function()
    assert.same({"map 1", "map 2"}, sorted_lines(printed("workers = 1", [[
      parallel.mapreduce({values = {1, 2}, combine = "count", workers = 2,
        map = function(x, emit) print("map " .. x) emit(x) end}):close()]])))
  end)
end)

describe("output = 'tag'", function()
  it("names the worker on each line", function()
    assert.equal("[kitchen worker 1] a\n[kitchen worker 1] \n[kitchen worker 1] b\n[kitchen worker 1] c\n",
      printed("workers = 1, output = 'tag', name = 'kitchen'", [[
        pool:apply(print, "a\n\nb")
        pool:apply(os.execute, "printf c")]]))
  end)
end)

describe("output = 'ordered'", function()
  local function in_order(n)
    local lines = {}
    for i = 1, n do lines[i] = i .. "\n" end
    return table.concat(lines)
  end

  -- Task 1 ends last: it waits for a file that the last one makes.
  local LATE = [[
    pool:broadcast(type, 1) -- both workers are there, and none gets two chunks
    local mark = os.getenv("TMPDIR") .. "/files/mark"
    local function late(i)
      print(i)
      if i == 1 then repeat until os.rename(mark, mark) end
      if i == 20 then io.open(mark, "w"):close() end
    end
    local list = {}
    for i = 1, 20 do list[i] = i end
  ]]

  for _, options in ipairs({"{chunksize = 1}", "{chunksize = 10}"}) do
    it("shows it in the order of the items, with " .. options, function()
      assert.equal(in_order(20), printed("workers = 2, output = 'ordered'",
        LATE .. "pool:map(late, list, " .. options .. ")"))
    end)
  end

  it("shows it in the order in which tasks were submitted", function()
    assert.equal(in_order(20), printed("workers = 2, output = 'ordered'", LATE .. [[
      local results = {}
      for i = 1, 20 do results[i] = pool:submit(late, i) end
      for _, result in ipairs(results) do result:get() end]]))
  end)

  it("shows what a task printed that died, in its place", function()
    assert.equal(in_order(9), printed("workers = 2, output = 'ordered'", [[
      local list = {1, 2, 3, 4, 5, 6, 7, 8}
      pool:map(function(i)
        print(i)
        if i == 4 then os.execute("kill -9 $PPID") end
        if i == 6 then error("six") end
      end, list, {chunksize = 4, on_error = "collect"})
      print(9)]]))
  end)

  for _, point in ipairs({"item.reported", "item.committed", "part.sent"}) do
    it("shows it once when the worker is killed at " .. point, function()
      assert.equal(in_order(9), printed("workers = 1, output = 'ordered'", [[
        pool:map(function(i)
          print(i)
          return ("x"):rep(300000)
        end, {1, 2, 3, 4, 5, 6, 7, 8}, {chunksize = 8, on_error = "collect"})
        assert(pool:stats().deaths == 1)
        print(9)]], point .. ":killchild@2"))
    end)
  end

  it("shows what commands and C code print as well", function()
    assert.equal("a\nb\nc\n", printed("workers = 1, output = 'ordered'", [[
      pool:apply(function()
        print("a")
        os.execute("echo b")
        print("c")
      end)]]))
  end)

  it("shows what is printed besides the tasks", function()
    assert.equal("begins\ntask\nall\nleaves\n", printed("workers = 1, output = 'ordered'," ..
      "initializer = function() print('begins') end, finalizer = function() print('leaves') end", [[
      pool:apply(print, "task")
      pool:broadcast(print, "all")
      io.stdout:flush()]]))
  end)

  -- In the worker alone: a fresh interpreter shares no fault with its owner.
  it("fails the item, with the reason, whose output cannot be read", function()
    local _, errors = printed("workers = 1, output = 'ordered', start_method = 'spawn'", [[
      local plans = {"sys.fstat:EIO@1", "sys.pread:EIO@1"}
      for n = 1, 9 do plans[#plans + 1] = "buffer.reserve:ENOMEM@" .. n end
      for _, plan in ipairs(plans) do
        local ok, why = pcall(pool.apply, pool, function(armed)
          print("printed")
          require("parallel.core").testing.fault(armed)
          return "result"
        end, plan)
        pool:apply(function() require("parallel.core").testing.fault(nil) end)
        assert(ok and why == "result" or tostring(why):find("memory") or tostring(why):find("Input/output"), tostring(why))
      end
      io.stderr:write("all tried\n")]])
    assert.equal("all tried\n", errors)
  end)

  it("keeps stderr apart", function()
    local text, errors = printed("workers = 2, output = 'ordered'", [[
      pool:map(function(x) print(x) io.stderr:write("error ", x, "\n") end, {1, 2, 3}, {chunksize = 1})]])
    assert.equal(in_order(3), text)
    assert.equal("error 1\nerror 2\nerror 3\n", errors)
  end)

  it("shows what a task printed that is stopped with its map, though others before it have not begun", function()
    assert.equal("3\n", printed("workers = 2, output = 'ordered'", [[
      local begun = {parallel.Event(), nil, parallel.Event()}
      local result = pool:map_async(function(x)
        if x == 3 then print(x) end
        begun[x]:set()
        while true do end
      end, {1, 2, 3, 4}, {chunksize = 2})
      begun[1]:wait()
      begun[3]:wait()
      result:cancel()]]))
  end)

  it("shows what an abandoned iteration printed", function()
    assert.equal(in_order(3), printed("workers = 1, output = 'ordered'", [[
      local step = pool:imap(function(i) print(i) end, {1, 2, 3})
      step()]]))
  end)
end)

describe("output = 'discard'", function()
  it("shows nothing", function()
    local text, errors = printed("workers = 1, output = 'discard'", [[
      pool:apply(print, "a")
      pool:apply(os.execute, "echo b; echo c >&2")
      print("owner")]])
    assert.same({"owner\n", ""}, {text, errors})
  end)
end)

describe("output", function()
  it("must be one of the four", function()
    assert.match("bad argument #1 to 'Pool' %(output must be one of inherit, tag, ordered, discard, got loud%)",
      trials.raised(parallel.Pool, {workers = 1, output = "loud"}))
  end)
end)
