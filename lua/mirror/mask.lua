-- Masking: mirror.mask (require "mirror.mask"): hides values within JSON documents and leaves every other byte as it is.
local private = ...
local ffi, library, value_of = private.ffi, private.library, private.value_of
local seat = require "mirror.seat"
local json = require "mirror.json"
local digest = require "mirror.digest"
local want, fail = seat.want, seat.fail
-- As enum script_kind in library.h.
local NULL, STRING = 1, 5

local M = {}
local spans = ffi.new("const struct script_span *[1]")

--- mask.fixed([text]): a mask that puts the same text in the place of everything.
-- phase: any; best while the script is loaded
-- text: string, "***" when absent
-- returns: a function of a string that returns a string
-- raises: text is not a string
-- cost: none
-- example:
--   assert(require("mirror.mask").fixed("(hidden)")("secret") == "(hidden)")
function M.fixed(text)
  text = text == nil and "***" or want("string", text, "text")
  return function() return text end
end

--- mask.hash(key): a mask that puts the HMAC-SHA-256 in the place of a value: equal values stay equal, and who has not the key can
-- neither read them nor try candidates.
-- phase: any; best while the script is loaded
-- key: string, the secret; give it with param.NAME=@file, not in the script
-- returns: a function of a string that returns 64 hex digits
-- raises: key is not a string, or empty
-- cost: 2 microseconds a value
-- example:
--   local hash = require("mirror.mask").hash("secret")
--   assert(#hash("ann@example.org") == 64 and hash("a") == hash("a") and hash("a") ~= hash("b"))
function M.hash(key)
  if want("string", key, "key") == "" then error("the key is empty: anybody could make the same hashes", 2) end
  return function(s) return digest.hmac(key, s) end
end

--- mask.last(n[, filler]): a mask that keeps the last n characters (of UTF-8) and fills the others; a text that is not longer is
-- filled completely.
-- phase: any; best while the script is loaded
-- n: number of characters
-- filler: string that stands for each other character; "*" when absent
-- returns: a function of a string that returns a string
-- raises: a wrong type
-- cost: 1 microsecond a value
-- example:
--   local last = require("mirror.mask").last(4)
--   assert(last("4111111111111111") == "************1111" and last("1111") == "****")
function M.last(n, filler)
  want("number", n, "n")
  filler = filler == nil and "*" or want("string", filler, "filler")
  return function(s)
    local starts = {}
    for first in s:gmatch("()[%z\1-\127\192-\255]") do starts[#starts + 1] = first end
    if #starts <= n or n < 1 then return filler:rep(#starts) end
    return filler:rep(#starts - n) .. s:sub(starts[#starts - n + 1])
  end
end

local function read_paths(list)
  local out = {}
  for i, path in ipairs(want("table", list, "paths", 3)) do
    want("string", path, "path " .. i, 3)
    local read = library.path_new(seat.seat, path, #path)
    if read == nil then fail(3) end
    out[i] = ffi.gc(read, library.path_free)
  end
  return out
end

-- Where the paths lead, as { first, end, kind } in the order of the text, those within others left out; nil: not JSON.
local function find_all(paths, text)
  local found = {}
  for _, path in ipairs(paths) do
    local n = library.path_spans(path, text, #text, spans)
    if n < 0 then return nil end
    for i = 0, n - 1 do
      local span = spans[0][i]
      if span._kind ~= NULL then found[#found + 1] = { span._first, span._end, span._kind } end
    end
  end
  table.sort(found, function(a, b)
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] > b[2]
  end)
  return found
end

-- What the mask gets: a string's characters, of everything else its text.
local function plain(text, kind)
  if kind ~= STRING then return text end
  if not text:find("\\", 1, true) then return text:sub(2, -2) end
  return (json.get('{"v":' .. text .. "}", "v"))
end

local function replace(text, found, how)
  local out, copied, count = {}, 0, 0
  for _, span in ipairs(found) do
    if span[1] >= copied then
      local new = how(plain(text:sub(span[1] + 1, span[2]), span[3]))
      out[#out + 1] = text:sub(copied + 1, span[1])
      out[#out + 1] = json.encode(want("string", new, "what the mask returns"))
      copied, count = span[2], count + 1
    end
  end
  out[#out + 1] = text:sub(copied + 1)
  return table.concat(out), count
end

--- mask.fields(paths, how): a function that masks values of JSON documents. Members of the same name are all masked, the hidden
-- ones too; null stays; what was no string becomes one; arrays and objects are masked as a whole.
-- phase: any; best while the script is loaded
-- paths: a list of paths as json.get takes; a name that is * stands for all members or elements
-- how: a function of a string that returns a string: mask.fixed(), mask.hash(key), mask.last(n) or your own
-- returns: a function of the record, or of a string, that returns the new text and how many values were masked; nil, "not JSON"
--   when it is not JSON: drop such a record or put it aside, do not forward it
-- raises: a path is malformed; the function raises when how returns no string
-- cost: 1 ns a byte and path, 0.5 microseconds and the mask's own cost a value
-- example:
--   local mask = require "mirror.mask"
--   local hide = mask.fields({ "email", "cards.*.number" }, mask.last(2))
--   local text, n = hide('{"email": "a@b.c", "cards":[{"number":1234}]}')
--   assert(text == '{"email": "***.c", "cards":[{"number":"**34"}]}' and n == 2)
-- record:
--   local mask = require "mirror.mask"
--   local hide = mask.fields({ "customer.id" }, mask.fixed())
--   local text, n = hide(r)
--   if not text then return r:dead_letter(n) end
--   if n > 0 then r.value = text end
function M.fields(paths, how)
  local read = read_paths(paths)
  want("function", how, "how")
  return function(r)
    local text = r
    if type(r) ~= "string" then
      local bytes, size = value_of(r)
      if bytes == nil then return nil, "not JSON" end
      text = ffi.string(bytes, size)
    end
    local found = find_all(read, text)
    if not found then return nil, "not JSON" end
    if #found == 0 then return text, 0 end
    return replace(text, found, how)
  end
end

return M
