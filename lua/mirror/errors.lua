-- Errors as users read them: one sentence that begins with the place in their script. Internal: scripts do not require it.
-- Called with `private`: name (of the script), nearest. Gives private.raise(message), on_error (the handler of every call into a script),
-- strict (the metatable of what hooks are given) and place_of(function).
local private = ...
local getinfo, pcall, type, tostring, error = debug.getinfo, pcall, type, tostring, error
local find, sub, match, concat = string.find, string.sub, string.match, table.concat

local FRAMES_MOST = 4 -- that a message names

-- "s.lua:12", when the frame is a function of the user's; those of the program itself are called "=lua/...".
local function place_of(frame)
  if frame.what == "C" or find(frame.source, "^=lua/") or frame.currentline < 0 then return nil end
  return frame.short_src .. ":" .. frame.currentline
end

-- The places, innermost first, from a level on.
local function places(level)
  local found = {}
  for l = level + 1, level + 200 do
    local frame = getinfo(l, "Sl")
    if not frame or #found == FRAMES_MOST then break end
    found[#found + 1] = place_of(frame)
  end
  return found
end

local function text_of(e)
  if type(e) == "string" then return e end
  local ok, text = pcall(tostring, e)
  if e == nil or not ok or type(text) ~= "string" then return "error() was called with a " .. type(e) .. " instead of a message" end
  return text
end

local function escape(c) return ("\\%d"):format(c:byte()) end

-- Raises with the place in the script from which the program was called.
function private.raise(message)
  error((places(2)[1] or private.name) .. ": " .. message:gsub("%c", escape), 0)
end

-- Makes the one sentence of whatever was raised.
function private.on_error(e)
  local text, found = text_of(e), places(2)
  local own = match(text, "^lua/[%w/_]+%.lua:%d+: ()")
  if own then text = sub(text, own) end
  -- What loading or a hook's answer is refused for has no line.
  local is_said = not own and (find(text, "^[^\n:]+:%d+: ") or sub(text, 1, #private.name + 2) == private.name .. ": ")
  if not is_said then text = (found[1] or private.name) .. ": " .. text end
  text = text:gsub("%s*\n%s*", "; "):gsub("%c", escape)
  local at = match(text, "^([^:]+:%d+): ")
  if found[1] == at then table.remove(found, 1) end
  if found[1] then text = text .. " (called from " .. concat(found, ", ") .. ")" end
  return text
end

-- Of what hooks are given: a name that is none of these is a slip of the pen, not nil.
local known = { name = true, topic = true, partition = true, partitions = true, internal = true, stream = true, streams = true,
  reason = true, args = true, saved = true }
private.strict = {
  __index = function(t, name)
    if not known[name] then private.raise("there is no field '" .. tostring(name) .. "'" .. private.nearest(name, t)) end
  end,
}

-- Where a function of the script begins, for what is wrong with what it returned.
function private.place_of(f)
  local info = getinfo(f, "S")
  if info.what == "C" then return private.name end
  return info.short_src .. ":" .. info.linedefined
end
