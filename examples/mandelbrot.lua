-- The Mandelbrot set as a picture that all workers paint at once, each in its own rows.
--
--    parallel-lua examples/mandelbrot.lua > mandelbrot.pgm
--    parallel-lua examples/mandelbrot.lua 24 9 " .:-=+*#@"
--
-- Arguments are the width, the height, and characters to show it with, from fast to never
-- escaping; without them it is a picture of grey bytes. The pixels lie in a shared
-- array: no worker sends any.
local width, height = tonumber(arg[1] or 320), tonumber(arg[2] or 240)
local shades = arg[3]
local DEPTH = 255

local picture = parallel.Array("u8", width * height)

local function escape(x, y)
  local a, b = 0, 0
  for step = 0, DEPTH - 1 do
    a, b = a * a - b * b + x, 2 * a * b + y
    if a * a + b * b > 4 then return step end
  end
  return DEPTH
end

local function paint(row)
  local pixels = picture:slice((row - 1) * width + 1, row * width)
  for column = 1, width do
    pixels[column] = escape(3 * (column - 0.5) / width - 2.1, 2.4 * (row - 0.5) / height - 1.2)
  end
end

local rows = {}
for row = 1, height do rows[row] = row end
parallel.map(paint, rows)

if not shades then
  io.write(("P5\n%d %d\n%d\n"):format(width, height, DEPTH), picture:to_string())
  return
end
for _, row in ipairs(rows) do
  local text = {}
  for column, depth in ipairs(picture:get((row - 1) * width + 1, width)) do
    local shade = math.min(depth, #shades - 1)
    if depth == DEPTH then shade = #shades - 1 end
    text[column] = shades:sub(shade + 1, shade + 1)
  end
  print(table.concat(text))
end
