-- The status page is served while the pool works, until somebody ends it.
local files = require "spec.support.files"
local servers = require "spec.support.servers"

describe("the example status_page.lua", function()
  local server

  before_each(function() server = servers.start("examples/status_page.lua", "0") end)

  after_each(function() server:stop("TERM") end)

  it("shows what each worker has done", function()
    local done = 0
    while done == 0 do
      local answer = server:get("GET / HTTP/1.1\r\nHost: here\r\n\r\n")
      assert.match("^HTTP/1.1 200 OK\r\nContent%-Type: text/html; charset=utf%-8\r\n", answer)
      assert.equal(tonumber(answer:match("Content%-Length: (%d+)")), #answer:match("\r\n\r\n(.*)$"))
      done = tonumber(answer:match("(%d+) tasks done"))
      local pid = tonumber(answer:match("<tr><td>1<td>(%d+)<td>"))
      assert.is_not_nil(files.read(("/proc/%d/stat"):format(pid)))
    end
  end)

  it("refuses what it does not have", function()
    assert.match("^HTTP/1.1 404 ", server:get("GET /x HTTP/1.1\r\n\r\n"))
    assert.match("^HTTP/1.1 405 ", server:get("POST / HTTP/1.1\r\n\r\n"))
  end)

  it("lets nobody wait for a browser that is slow, or gone", function()
    local slow = server:connect()
    slow:send("GET / HT")
    server:connect():close()
    assert.match("^HTTP/1.1 200 ", server:get("GET / HTTP/1.1\r\n\r\n"))
    slow:send("TP/1.1\r\n\r\n")
    assert.match("^HTTP/1.1 200 ", slow:receive("*a"))
    slow:close()
  end)

  it("ends with its workers when it is told to", function()
    local result = server:stop("INT")
    assert.equal("SIGINT", result.signal)
    assert.equal("parallel-lua: interrupted by SIGINT\n", result.stderr)
  end)
end)
