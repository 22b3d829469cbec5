-- JSON: mirror.json (require "mirror.json"): one value of a document in place, or all of it as Lua tables and back.
local private = ...
local ffi, library, null, value_of = private.ffi, private.library, private.null, private.value_of
local seat = require "mirror.seat"
local want, fail = seat.want, seat.fail
local path_get, is_plain = library.path_get, library.is_plain
local floor, format, concat, sort = math.floor, string.format, table.concat, table.sort
-- As enum script_kind in library.h.
local NULL, TRUE, NUMBER, STRING, ARRAY = 1, 3, 4, 5, 6
local kinds = { [0] = "none", "null", "boolean", "boolean", "number", "string", "array", "object" }

-- An instance of our own, so that its settings are nobody else's.
local cjson = private.cjson.new()
cjson.decode_invalid_numbers(false)

local M = {}
local value = ffi.new("struct script_value")

-- Paths are read once; a script that makes paths out of records fills the table, which is then emptied.
local PATHS_MOST = 500
local paths, count = {}, 0

local function read_path(path)
  want("string", path, "path", 3)
  local read = library.path_new(seat.seat, path, #path)
  if read == nil then fail(3) end
  read = { path = ffi.gc(read, library.path_free), absent = "no " .. path }
  if library.path_is_many(read.path) ~= 0 then error("a * in a path is for mirror.mask", 3) end
  if count == PATHS_MOST then paths, count = {}, 0 end
  paths[path], count = read, count + 1
  return read
end

local function find(path, r)
  if type(r) == "string" then return path_get(path, r, #r, value) end
  local bytes, size = value_of(r)
  if bytes == nil then return -1 end
  return path_get(path, bytes, size, value)
end

--- json.get(r, path): one value of a JSON document, read in place without building the document. The whole text is checked; of
-- members of the same name the last one counts, as in json.decode.
-- phase: record for r; any for a text
-- r: the record (its value is read), or a string
-- path: string: names with dots between them; in an array the number of the element, from 0; "\\." is a dot within a name
-- returns: the value and its kind: string "string", number "number" (above 2^53 rounded), boolean "boolean", mirror.null "null";
--   an array or object as its JSON text, "array" or "object". nil, "not JSON" when the text is none (a null value included).
--   nil, "no PATH" when nothing is there
-- raises: the path is malformed
-- cost: 50 ns and 1 ns a byte
-- example:
--   local text = '{"customer":{"id":42,"tags":["a","b"]}}'
--   assert(mirror.json.get(text, "customer.id") == 42)
--   assert(mirror.json.get(text, "customer.tags.1") == "b")
--   assert(select(2, mirror.json.get(text, "customer.name")) == "no customer.name")
--   assert(select(2, mirror.json.get("{", "customer")) == "not JSON")
-- record:
--   assert(mirror.json.get(r, "customer.id") == "42")
function M.get(r, path)
  local read = paths[path] or read_path(path)
  local found = find(read.path, r)
  if found < 0 then return nil, "not JSON" end
  if found == 0 then return nil, read.absent end
  local kind = value._kind
  if kind == STRING or kind >= ARRAY then return ffi.string(value._text, value._size), kinds[kind] end
  if kind == NUMBER then return value._number, "number" end
  if kind == NULL then return null, "null" end
  return kind == TRUE, "boolean"
end

-- cjson's null is not ours.
local function replace_nulls(t)
  for k, v in pairs(t) do
    if v == cjson.null then
      t[k] = null
    elseif type(v) == "table" then
      replace_nulls(v)
    end
  end
  return t
end

--- json.decode(r): a whole document as Lua tables; null is mirror.null; an empty array becomes an empty table, as an empty object.
-- Numbers above 2^53 are rounded: read such identifiers as strings at their source. json.get is quicker for one value.
-- phase: record for r; any for a text
-- r: the record (its value is read), or a string
-- returns: the document; nil, "not JSON", and what is wrong
-- raises: r is neither
-- cost: 2 to 5 microseconds for 1 KiB, by the number of values
-- example:
--   local t = mirror.json.decode('{"a":[1,null,"x"]}')
--   assert(t.a[1] == 1 and t.a[2] == mirror.null and t.a[3] == "x")
--   assert(mirror.json.decode("nonsense") == nil)
function M.decode(r)
  local text = r
  if type(r) ~= "string" then
    local bytes, size = value_of(r)
    if bytes == nil then return nil, "not JSON", "the value is null" end
    text = ffi.string(bytes, size)
  end
  local ok, result = pcall(cjson.decode, text)
  if not ok then return nil, "not JSON", result end
  if result == cjson.null then return null end
  if type(result) == "table" and text:find("null", 1, true) then replace_nulls(result) end
  return result
end

local Array = {}

--- json.array([t]): marks a table as an array, so that it is written as [] when it is empty.
-- phase: any
-- t: table; a new one when absent
-- returns: t
-- raises: t is not a table
-- cost: 20 ns
-- example:
--   assert(mirror.json.encode { a = mirror.json.array(), b = {} } == '{"a":[],"b":{}}')
function M.array(t)
  return setmetatable(t == nil and {} or want("table", t, "t"), Array)
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
setmetatable(escapes, { __index = function(_, c) return format("\\u%04x", c:byte()) end })

local function quote(s)
  if is_plain(s, #s) == 0 then s = s:gsub('[%z\1-\31"\\]', escapes) end
  return '"' .. s .. '"'
end

-- lua-cjson writes 14 digits, which damages whole numbers above 10^14; here a number reads back as it was.
local function number(n)
  if n ~= n or n == math.huge or n == -math.huge then error("JSON has no number for " .. n, 0) end
  if n == floor(n) and n > -1e15 and n < 1e15 then return format("%.0f", n) end
  local text = format("%.15g", n)
  return tonumber(text) == n and text or format("%.17g", n)
end

local DEPTH_MOST = 1000
local write

-- The length of t as an array; nil: it is an object.
local function length_of(t)
  local n = #t
  if n == 0 and next(t) == nil then return getmetatable(t) == Array and 0 or nil end
  if t[1] == nil then return nil end
  local keys = 0
  for _ in pairs(t) do keys = keys + 1 end
  if keys ~= n then error("a table with holes, or with names and numbers, is neither an array nor an object", 0) end
  return n
end

local function write_array(out, t, n, depth)
  out[#out + 1] = "["
  for i = 1, n do
    if i > 1 then out[#out + 1] = "," end
    write(out, t[i], depth)
  end
  out[#out + 1] = "]"
end

-- Names in their order: the same table gives the same bytes.
local function write_object(out, t, depth)
  local names = {}
  for name in pairs(t) do
    if type(name) ~= "string" then error("an object's names are strings, not " .. type(name), 0) end
    names[#names + 1] = name
  end
  sort(names)
  for i, name in ipairs(names) do
    out[#out + 1] = (i == 1 and "{" or ",") .. quote(name) .. ":"
    write(out, t[name], depth)
  end
  out[#out + 1] = #names == 0 and "{}" or "}"
end

function write(out, v, depth)
  local kind = type(v)
  if v == null then
    out[#out + 1] = "null"
  elseif kind == "string" then
    out[#out + 1] = quote(v)
  elseif kind == "number" then
    out[#out + 1] = number(v)
  elseif kind == "boolean" then
    out[#out + 1] = v and "true" or "false"
  elseif kind == "table" then
    if depth == DEPTH_MOST then error("tables stand more than " .. DEPTH_MOST .. " deep inside each other", 0) end
    local n = length_of(v)
    if n then write_array(out, v, n, depth + 1) else write_object(out, v, depth + 1) end
  else
    error("JSON has nothing for a " .. kind, 0)
  end
end

-- Functions that call each other and C's sort are not to be compiled: LuaJIT 2.1 beta3 then took a table 388 levels deep for an empty
-- one, and wrote less than there was.
jit.off(write_array)
jit.off(write_object)
jit.off(write)

--- json.encode(value): JSON text without blanks, members in the order of their names. An empty table is {}; see json.array.
-- phase: any
-- value: string, number, boolean, mirror.null, or a table of these: an array 1..n, or an object with string names
-- returns: string
-- raises: a table with holes or other names, a number that is infinite or none, anything else, more than 1000 levels
-- cost: 15 to 20 microseconds for 1 KiB, by the number of values
-- example:
--   assert(mirror.json.encode { b = { 1, mirror.null }, a = 'x"' } == [[{"a":"x\"","b":[1,null]}]])
--   assert(mirror.json.encode(1234567890123456) == "1234567890123456")
function M.encode(v)
  if v == nil then error("JSON has nothing for nil; write mirror.null", 2) end
  local out = {}
  local ok, why = pcall(write, out, v, 0)
  if not ok then error(why, 2) end
  return concat(out)
end

return M
