-- Bytes that were damaged on their way.
local bits = {}

--- The bytes with one bit, counted from 0, the other way round.
function bits.flip(bytes, bit)
  local at = math.floor(bit / 8) + 1
  local byte, value = bytes:byte(at), 2 ^ (bit % 8)
  byte = byte % (2 * value) >= value and byte - value or byte + value
  return bytes:sub(1, at - 1) .. string.char(byte) .. bytes:sub(at + 1)
end

return bits
