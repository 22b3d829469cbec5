-- What the configuration gives a script: mirror.param.
local private = ...
local seat = require "mirror.seat"
local params = private.params

--- mirror.param.NAME: the text of [script] param.NAME (--script.param.NAME). A parameter named number, bool or list is only had
-- by the method of that name.
-- phase: any
-- returns: string; nil when it is not given
-- raises: when written
-- cost: 5 ns
-- example:
--   assert(mirror.param.there_is_none_such == nil)
local methods = {}

local function text_of(name, level)
  return params[seat.want("string", name, "name", level + 1)]
end

--- mirror.param:number(name, default): a parameter as a number.
-- phase: any; best while the script is loaded, so that a wrong one is refused at the start
-- name: string
-- default: what is returned when the parameter is not given
-- returns: number, or default
-- raises: the parameter is not a decimal number
-- cost: 100 ns
-- example:
--   assert(mirror.param:number("there_is_none_such", 5) == 5)
function methods:number(name, default)
  local text = text_of(name, 2)
  if text == nil then return default end
  local number = text:find("^%s*[+-]?[%d.]+[eE+%-%d]*%s*$") and tonumber(text)
  if not number then error("param." .. name .. " must be a number, not \"" .. text .. '"', 2) end
  return number
end

--- mirror.param:bool(name, default): a parameter as a boolean.
-- phase: any; best while the script is loaded
-- name: string
-- default: what is returned when the parameter is not given
-- returns: boolean, or default
-- raises: the parameter is not true or false (case does not count)
-- cost: 100 ns
-- example:
--   assert(mirror.param:bool("there_is_none_such", true) == true)
function methods:bool(name, default)
  local text = text_of(name, 2)
  if text == nil then return default end
  local word = text:match("^%s*(%a+)%s*$")
  word = word and word:lower()
  if word ~= "true" and word ~= "false" then
    error("param." .. name .. " must be true or false, not \"" .. text .. '"', 2)
  end
  return word == "true"
end

--- mirror.param:list(name, default): a parameter with commas as a list; blanks around entries and empty entries are left out.
-- phase: any; best while the script is loaded
-- name: string
-- default: what is returned when the parameter is not given
-- returns: a list of strings, or default
-- raises: nothing
-- cost: 1 microsecond
-- example:
--   assert(#mirror.param:list("there_is_none_such", {}) == 0)
function methods:list(name, default)
  local text = text_of(name, 2)
  if text == nil then return default end
  local out = {}
  for entry in text:gmatch("[^,]+") do
    entry = entry:match("^%s*(.-)%s*$")
    if entry ~= "" then out[#out + 1] = entry end
  end
  return out
end

return setmetatable({}, {
  __index = function(_, name) return methods[name] or params[name] end,
  __newindex = function(_, name) error("param." .. tostring(name) .. " cannot be written", 2) end,
  __metatable = false,
})
