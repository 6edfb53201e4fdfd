-- Processes that accept on one socket, until somebody ends them.
local files = require "spec.support.files"
local shell = require "spec.support.shell"
local socket = require "socket"
local testing = require("parallel.core").testing

describe("the example prefork_server.lua", function()
  local server, port

  before_each(function()
    files.write("here", "")
    server = shell.start({shell.program(), "examples/prefork_server.lua", "0", "2"})
    while not port do
      port = (files.read(server.stdout) or ""):match("^http://127%.0%.0%.1:(%d+)/\n")
      socket.sleep(0.001)
    end
  end)

  -- LuaJIT's compiled code may miss the first signal; a second one ends the program anyhow.
  local function finish()
    server:kill("INT")
    if jit then
      socket.sleep(0.3)
      server:kill("INT")
    end
    local result = server:wait()
    server, port = nil, nil
    return result
  end

  after_each(function()
    if server then finish() end
  end)

  local function connect()
    local connection = assert(socket.connect("127.0.0.1", tonumber(port)))
    connection:settimeout(30)
    return connection
  end

  -- Which server has answered, and what.
  local function get()
    local connection = connect()
    connection:send("GET / HTTP/1.0\r\nHost: here\r\n\r\n")
    local answer = connection:receive("*a")
    connection:close()
    local number, pid = answer:match("\r\n\r\nserver (%d+) %(process (%d+)%), request %d+: GET / HTTP/1.0\n$")
    return tonumber(number), tonumber(pid)
  end

  it("answers while one of its processes waits for a slow browser", function()
    local slow = connect()
    slow:send("GET / HT")
    local number = get()
    for _ = 1, 5 do assert.equal(number, (get())) end
    slow:close()
  end)

  it("goes on when one of its processes is killed", function()
    local number, pid = get()
    testing.kill(pid, "KILL")
    local replaced = false
    while not replaced do
      local again, new_pid = get()
      replaced = again == number and new_pid ~= pid
    end
    assert.equal(("server %d ended with -9, and is started again\n"):format(number), files.read(server.stderr))
  end)

  it("ends with all of its processes when it is told to", function()
    assert.is_number((get()))
    local result = finish()
    assert.equal("SIGINT", result.signal)
    if not jit then assert.equal("parallel-lua: interrupted by SIGINT\n", result.stderr) end
  end)
end)
