-- Processes that accept on one socket, until somebody ends them.
local files = require "spec.support.files"
local servers = require "spec.support.servers"
local testing = require("parallel.core").testing

describe("the example prefork_server.lua", function()
  local server

  before_each(function() server = servers.start("examples/prefork_server.lua", "0", "2") end)

  after_each(function() server:stop("TERM") end)

  -- Which server has answered, and what; nothing when it was killed meanwhile.
  local function get()
    local answer = server:get("GET / HTTP/1.0\r\nHost: here\r\n\r\n")
    local number, pid = answer:match("\r\n\r\nserver (%d+) %(process (%d+)%), request %d+: GET / HTTP/1.0\n$")
    return tonumber(number), tonumber(pid)
  end

  it("answers while one of its processes waits for a slow browser", function()
    local slow = server:connect()
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
    assert.equal(("server %d ended with -9, and is started again\n"):format(number), files.read(server.command.stderr))
  end)

  it("ends with all of its processes when it is told to", function()
    assert.is_number((get()))
    local result = server:stop("INT")
    assert.equal("SIGINT", result.signal)
    assert.equal("parallel-lua: interrupted by SIGINT\n", result.stderr)
  end)
end)
