-- The status page is served while the pool works, until somebody ends it.
local files = require "spec.support.files"
local shell = require "spec.support.shell"
local socket = require "socket"

describe("the example status_page.lua", function()
  local server, port

  before_each(function()
    files.write("here", "")
    server = shell.start({shell.program(), "examples/status_page.lua", "0"})
    while not port do
      port = (files.read(server.stdout) or ""):match("^http://127%.0%.0%.1:(%d+)/\n")
      socket.sleep(0.001)
    end
  end)

  after_each(function()
    if server then
      server:kill("TERM")
      server:wait()
    end
    server, port = nil, nil
  end)

  local function connect()
    local connection = assert(socket.connect("127.0.0.1", tonumber(port)))
    connection:settimeout(30)
    return connection
  end

  local function get(request)
    local connection = connect()
    connection:send(request)
    local answer = connection:receive("*a")
    connection:close()
    return answer
  end

  it("shows what each worker has done", function()
    local done = 0
    while done == 0 do
      local answer = get("GET / HTTP/1.1\r\nHost: here\r\n\r\n")
      assert.match("^HTTP/1.1 200 OK\r\nContent%-Type: text/html; charset=utf%-8\r\n", answer)
      assert.equal(tonumber(answer:match("Content%-Length: (%d+)")), #answer:match("\r\n\r\n(.*)$"))
      done = tonumber(answer:match("(%d+) tasks done"))
      local pid = tonumber(answer:match("<tr><td>1<td>(%d+)<td>"))
      assert.is_not_nil(files.read(("/proc/%d/stat"):format(pid)))
    end
  end)

  it("refuses what it does not have", function()
    assert.match("^HTTP/1.1 404 ", get("GET /x HTTP/1.1\r\n\r\n"))
    assert.match("^HTTP/1.1 405 ", get("POST / HTTP/1.1\r\n\r\n"))
  end)

  it("lets nobody wait for a browser that is slow, or gone", function()
    local slow = connect()
    slow:send("GET / HT")
    connect():close()
    assert.match("^HTTP/1.1 200 ", get("GET / HTTP/1.1\r\n\r\n"))
    slow:send("TP/1.1\r\n\r\n")
    assert.match("^HTTP/1.1 200 ", slow:receive("*a"))
    slow:close()
  end)

  it("ends with its workers when it is told to", function()
    server:kill("INT")
    local result = server:wait()
    server = nil
    assert.equal("SIGINT", result.signal)
    assert.equal("parallel-lua: interrupted by SIGINT\n", result.stderr)
  end)
end)
