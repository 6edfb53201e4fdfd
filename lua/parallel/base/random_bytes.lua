--- random_bytes: so many bytes that nobody can guess, as a string.
return function(count)
  local source = assert(io.open("/dev/urandom", "rb"))
  source:setvbuf("no") -- no more than is needed
  local bytes = source:read(count)
  source:close()
  return bytes
end
