-- Sums of floats, which are those of the numbers themselves, rounded once.
local shuffle = require("spec.support.shuffle")

-- The numbers as values of one key, emitted in so many batches.
local function sum_in(batches, numbers, combine)
  local pairs_of = {}
  for i, n in ipairs(numbers) do pairs_of[i] = {"k", n} end
  local list = shuffle.run(shuffle.split(pairs_of, batches), {combine = combine or "sum", partitions = 1})
  return list[1][2]
end

local function sum(numbers) return sum_in(1, numbers) end

local function power(n) return 2.0 ^ n end

local function random_float()
  return (math.random() - 0.5) * power(math.random(-1060, 1000))
end

local function shuffled(list)
  for i = #list, 2, -1 do
    local j = math.random(i)
    list[i], list[j] = list[j], list[i]
  end
  return list
end

describe("a sum of floats", function()
  for what, case in pairs({
    ["one number"] = {{0.1}, 0.1},
    ["nothing but zeros"] = {{0.0, -0.0, 0.0}, 0.0},
    ["numbers that cancel"] = {{0.1, 1e300, -1e300, -0.1}, 0.0},
    ["a tie, to the even one"] = {{power(53), 1.0}, power(53)},
    ["a tie, to the even one above"] = {{power(53), 2.0, 1.0}, power(53) + 4},
    ["a tie that the least of all numbers breaks"] = {{power(53), 1.0, power(-1074)}, power(53) + 2},
    ["a tie below zero"] = {{-power(53), -1.0, -power(-1074)}, -power(53) - 2},
    ["the least of all numbers"] = {{power(-1074), power(-1074), power(-1074)}, 3 * power(-1074)},
    ["more than the largest of all on the way"] = {{1.5e308, 1.5e308, -1.5e308}, 1.5e308},
    ["more than the largest of all"] = {{1.5e308, 1.5e308}, math.huge},
    ["less than the least of all"] = {{-1.5e308, -1.5e308}, -math.huge},
    ["integers among them"] = {{0.5, 3, -4}, -0.5},
    ["large integers"] = {{0.5, power(62), power(62)}, power(63)},
    ["an infinity"] = {{-math.huge, 1.5, 1e308}, -math.huge},
  }) do
    it("is that of " .. what, function()
      for batches = 1, 3 do assert.equal(case[2], sum_in(batches, case[1])) end
    end)
  end

  it("of both infinities, or with a NaN, is none", function()
    for _, numbers in ipairs({{math.huge, -math.huge}, {0 / 0, 1.5}}) do
      local made = sum(numbers)
      assert.is_true(made ~= made)
    end
  end)

  it("is the same in any order and however it is spread", function()
    for _ = 1, 20 do
      local numbers = {}
      for i = 1, 100 do numbers[i] = random_float() end
      local expected, mean = sum(numbers), sum_in(1, numbers, "mean")
      for batches = 1, 5 do
        assert.equal(expected, sum_in(batches, shuffled(numbers)))
        assert.equal(mean, sum_in(batches, numbers, "mean"))
      end
    end
  end)

  it("is what remains when all others cancel", function()
    for _ = 1, 50 do
      local numbers, rest = {}, random_float()
      for i = 1, 60, 2 do
        numbers[i] = random_float()
        numbers[i + 1] = -numbers[i]
      end
      numbers[61] = rest
      assert.equal(rest, sum_in(3, shuffled(numbers)))
    end
  end)

  it("is nearer than that of a loop", function()
    local numbers, loop = {}, 0
    for i = 1, 1000 do
      numbers[i] = 0.1
      loop = loop + 0.1
    end
    assert.not_equal(100, loop)
    assert.equal(100.0, sum(numbers))
    assert.equal(0.1, sum_in(4, numbers, "mean"))
  end)

  it("takes no more memory the more numbers there are", function()
    local emit = require("parallel.core").emitter({combine = "sum"})
    for _ = 1, 1000 do emit("k", random_float()) end
    local before = emit:bytes()
    for _ = 1, 1000 do emit("k", random_float()) end
    assert.equal(before, emit:bytes())
  end)
end)
