--- file_text: all that a file holds; nil, message where it cannot be read.
return function(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local text
  text, why = file:read("*a")
  file:close()
  return text, why
end
