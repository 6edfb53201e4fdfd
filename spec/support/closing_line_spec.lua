local inner_run = require "spec.support.inner_run"

describe("the closing line", function()
  it("counts what passed, failed and was skipped", function()
    local result = inner_run([[
      it("passes", function() end)
      it("fails", function() error("on purpose") end)
      pending("waits for better days")
      it("is skipped", function() pending("no such thing here") end)
    ]])
    assert.equal("1 passed, 1 failed, 2 skipped\n", result.closing_line)
    assert.equal(1, result.status)
  end)

  it("counts a test once, whatever fails about it", function()
    local result = inner_run([[
      it("fails", function()
        finally(function() error("and again") end)
        kept = io.open("/dev/null")
        error("on purpose")
      end)
    ]])
    assert.equal("0 passed, 1 failed, 0 skipped\n", result.closing_line)
  end)

  it("counts a hook that raises as failed", function()
    local result = inner_run([[
      describe("it", function()
        before_each(function() error("on purpose") end)
        it("is never run", function() end)
      end)
    ]])
    assert.equal("0 passed, 1 failed, 0 skipped\n", result.closing_line)
  end)

  it("counts a spec that does not compile as failed", function()
    local result = inner_run("it(")
    assert.equal("0 passed, 1 failed, 0 skipped\n", result.closing_line)
    assert.not_equal(0, result.status)
  end)

  it("tells of a run that was cut off inside a test", function()
    local result = inner_run([[
      it("passes", function() end)
      it("dies", function() os.execute("kill -9 $PPID") end)
    ]])
    assert.equal("SIGKILL", result.signal)
    assert.equal("1 passed, 1 failed, 0 skipped\n", result.closing_line)
  end)
end)

describe("the output", function()
  it("tells what failed with its place, and why a test was skipped", function()
    local result = inner_run([[
      describe("two", function()
        it("is unlucky", function() error("on purpose") end)
        it("is late", function() pending("no such thing here") end)
      end)
    ]])
    assert.match("failed: two is unlucky %b()\n[^\n]*inner_spec.lua:2: on purpose\n", result.stdout)
    assert.match("skipped: two is late %b()\n[^\n]*no such thing here\n", result.stdout)
  end)
end)
