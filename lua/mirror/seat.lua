-- The seat of this state in the world: what metrics, dictionaries, regular expressions and the log ask with.
local private = ...
local ffi, library = private.ffi, private.library

local seat = library.sit(private.world, private.stream, private.name, private.place)
local M = { seat = ffi.gc(seat, library.rise) }

-- Raises what the call that failed last said, at the line that called the library.
function M.fail(level)
  error(ffi.string(library.error(M.seat)), (level or 2) + 1)
end

-- Raises unless v is of the type; name says which argument it is.
function M.want(kind, v, name, level)
  if type(v) ~= kind then
    error(name .. " must be a " .. kind .. ", not " .. type(v), (level or 2) + 1)
  end
  return v
end

-- Raises when a table of options has one that is not known, a set of names.
function M.check_options(options, known, level)
  for name in pairs(options) do
    if not known[name] then
      error("there is no option '" .. tostring(name) .. "'" .. private.nearest(name, known), (level or 2) + 1)
    end
  end
end

return M
