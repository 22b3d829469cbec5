-- Regular expressions and globs: mirror.regex, mirror.patterns.
local private = ...
local ffi, library = private.ffi, private.library
local seat = require "mirror.seat"
local want, fail = seat.want, seat.fail
local match, offsets_of = library.regex_match, library.regex_offsets
local sub = string.sub

local M = {}
local Regex = {}
Regex.__index = Regex
Regex.__tostring = function(self) return "mirror.regex(" .. self.text .. ")" end

-- Expressions are compiled once, also where a hook makes the same one for every record; a script that makes them out of records
-- fills the table, which is then emptied.
local MADE_MOST = 500
local made, made_count = {}, 0

-- Called as the last thing of a function: errors are at that function's caller.
local function new(pattern, flags, text)
  local key = flags .. "/" .. pattern
  if made[key] then return made[key] end
  local regex = library.regex_new(seat.seat, pattern, #pattern, flags)
  if regex == nil then fail() end
  if made_count == MADE_MOST then made, made_count = {}, 0 end
  regex = setmetatable({
    regex = ffi.gc(regex, library.regex_free), text = text or pattern, is_utf = flags:find("u", 1, true) ~= nil,
  }, Regex)
  made[key], made_count = regex, made_count + 1
  return regex
end

--- mirror.regex(pattern[, flags]): compiles a regular expression (PCRE2, so Perl's syntax). Make it once, outside the hooks; some
-- hundred are remembered, so that the same one is not compiled again.
-- A pattern that backtracks without end raises after some ten milliseconds instead of hanging.
-- phase: any; best while the script is loaded
-- pattern: string
-- flags: string of i (ignore case) m (^ and $ at every line) s (a dot takes newlines) x (blanks and # comments) u (UTF-8)
-- returns: the expression, with the methods below; r:key_matches(re) and r:value_matches(re) take it
-- raises: the pattern is wrong (the error has pattern and offset), an unknown flag
-- cost: some 10 microseconds the first time
-- example:
--   local re = mirror.regex([[^eu-(\d+)$]], "i")
--   assert(re:matches("EU-7") and not re:matches("us-7"))
function M.regex(pattern, flags)
  want("string", pattern, "pattern")
  return new(pattern, flags and want("string", flags, "flags") or "")
end

--- re:matches(s): does the expression match anywhere in s?
-- phase: any
-- s: string; nil matches nothing
-- returns: boolean
-- raises: s is not a string, the match limit was reached
-- cost: 20 to 60 ns for a short text and a simple pattern
-- example:
--   assert(mirror.regex("b+"):matches("abc") and not mirror.regex("^b"):matches("abc"))
function Regex:matches(s)
  if s == nil then return false end
  local n = match(seat.seat, self.regex, want("string", s, "s"), #s, 0)
  if n < 0 then fail() end
  return n > 0
end

-- The same for bytes in place; for modules of the library.
function Regex:match_bytes(bytes, size)
  if bytes == nil then return false end
  local n = match(seat.seat, self.regex, bytes, size, 0)
  if n < 0 then fail() end
  return n > 0
end

local function capture(s, offsets, i)
  local first = offsets[2 * i]
  if first < 0 then return nil end
  return sub(s, first + 1, offsets[2 * i + 1])
end

local function captures(s, offsets, n)
  if n == 1 then return capture(s, offsets, 0) end
  if n == 2 then return capture(s, offsets, 1) end
  if n == 3 then return capture(s, offsets, 1), capture(s, offsets, 2) end
  local out = {}
  for i = 1, n - 1 do out[i] = capture(s, offsets, i) end
  return unpack(out, 1, n - 1)
end

--- re:match(s): the captures of the first match.
-- phase: any
-- s: string; nil matches nothing
-- returns: the groups, nil for one that took no part; the whole match when there are no groups; nil when nothing matches
-- raises: s is not a string, the match limit was reached
-- cost: 20 to 100 ns for a short text and one group, and 60 ns for each new string
-- example:
--   local region, number = mirror.regex([[^(\w+)-(\d+)$]]):match("eu-7")
--   assert(region == "eu" and number == "7")
function Regex:match(s)
  if s == nil then return nil end
  local n = match(seat.seat, self.regex, want("string", s, "s"), #s, 0)
  if n < 0 then fail() end
  if n == 0 then return nil end
  return captures(s, offsets_of(self.regex), n)
end

-- A replacement's text as a list: strings, and numbers of groups.
local function read_replacement(self, text)
  local list, at = {}, 1
  while at <= #text do
    local first = text:find("$", at, true)
    if not first then break end
    list[#list + 1] = text:sub(at, first - 1)
    local _, last, word = text:find("^%$(%d%d?)", first)
    if not word then _, last, word = text:find("^%${([%w_]+)}", first) end
    if word then
      local group = tonumber(word) or library.regex_group(self.regex, word)
      if group < 0 then error("the pattern has no group " .. word, 3) end
      list[#list + 1] = group
    elseif text:sub(first + 1, first + 1) == "$" then
      last = first + 1
      list[#list + 1] = "$"
    else
      error("a $ in a replacement stands before a group (1, {1} or {name}) or is doubled", 3)
    end
    at = last + 1
  end
  list[#list + 1] = text:sub(at)
  return list
end

local function expand(list, s, offsets, groups)
  local out = {}
  for i, part in ipairs(list) do
    if type(part) == "number" then
      if part >= groups then error("the pattern has no group " .. part, 3) end
      part = capture(s, offsets, part) or ""
    end
    out[i] = part
  end
  return table.concat(out)
end

-- Where to look on behind an empty match, so that it is not found again: at the next byte, or character.
local function step(self, s, at)
  at = at + 1
  if self.is_utf then
    while s:find("^[\128-\191]", at + 1) do at = at + 1 end
  end
  return at
end

--- re:gsub(s, replacement[, most]): replaces matches.
-- phase: any
-- s: string
-- replacement: string with $0 (the match), $1, ${1}, ${name}, $$ for a dollar; or a function that gets the captures and returns
--   a string, nil leaves the match as it is
-- most: number, how many are replaced at most; all when absent
-- returns: string, number of replacements
-- raises: a wrong type, an unknown group, the match limit was reached
-- cost: 500 ns a match
-- example:
--   local text, n = mirror.regex([[(\d)(\d)]]):gsub("12 34", "$2$1")
--   assert(text == "21 43" and n == 2)
function Regex:gsub(s, replacement, most)
  want("string", s, "s")
  local list = type(replacement) ~= "function" and read_replacement(self, want("string", replacement, "replacement"))
  local out, from, copied, count = {}, 0, 0, 0
  while count < (most or math.huge) and from <= #s do
    local n = match(seat.seat, self.regex, s, #s, from)
    if n < 0 then fail() end
    if n == 0 then break end
    local offsets = offsets_of(self.regex)
    local first, last = offsets[0], offsets[1]
    local with
    if list then with = expand(list, s, offsets, n) else with = replacement(captures(s, offsets, n)) end
    if with == nil then with = sub(s, first + 1, last) end
    out[#out + 1] = sub(s, copied + 1, first)
    out[#out + 1] = want("string", with, "what the replacement returns")
    copied, count = last, count + 1
    from = last > first and last or step(self, s, last)
  end
  out[#out + 1] = sub(s, copied + 1)
  return table.concat(out), count
end
Regex.replace = Regex.gsub

local special = "[%^%$%.%|%(%)%[%]%{%}%*%+%?\\]"

-- A class "[a-z]" or "[!a-z]" that begins at i: its expression and where it ends; nil when it is none.
local function class(glob, i)
  local not_in, body, last = glob:match("^%[([!^]?)(%]?[^%]]*)%]()", i)
  if not last or body == "" then return nil end
  return "[" .. (not_in ~= "" and "^" or "") .. body:gsub("[%[%]\\^]", "\\%0") .. "]", last - 1
end

local function translate(glob)
  local out, i, braces = {}, 1, 0
  while i <= #glob do
    local c = glob:sub(i, i)
    local add = c:gsub(special, "\\%0")
    if c == "*" then add = ".*"
    elseif c == "?" then add = "."
    elseif c == "[" then
      local text, last = class(glob, i)
      if text then add, i = text, last end
    elseif c == "\\" and i < #glob then
      i = i + 1
      add = glob:sub(i, i):gsub("%W", "\\%0")
    elseif c == "{" and glob:find("}", i, true) then braces, add = braces + 1, "(?:"
    elseif c == "}" and braces > 0 then braces, add = braces - 1, ")"
    elseif c == "," and braces > 0 then add = "|"
    end
    out[#out + 1] = add
    i = i + 1
  end
  if braces > 0 then error("the glob \"" .. glob .. "\" has a { that no } ends", 3) end
  return table.concat(out)
end

--- mirror.patterns(list): globs compiled to one matcher. The whole text must match: * any bytes, ? one, [a-z] one of, [!a-z] none
-- of, {a,b} either; a backslash takes the meaning away. Case counts.
-- phase: any; best while the script is loaded
-- list: a list of strings, or one string
-- returns: an expression as mirror.regex gives; an empty list matches nothing
-- raises: an entry is not a string, a brace is not closed
-- cost: some 10 microseconds; :matches 20 to 60 ns for a few globs
-- example:
--   local p = mirror.patterns { "orders.*", "audit-??", "{eu,us}-[0-9]" }
--   assert(p:matches("orders.new") and p:matches("us-7") and not p:matches("audit-1"))
function M.patterns(list)
  if type(list) == "string" then list = { list } end
  local parts = {}
  for i, glob in ipairs(want("table", list, "list")) do
    parts[i] = translate(want("string", glob, "entry " .. i))
  end
  if #parts == 0 then return new("(*FAIL)", "", "no patterns") end
  return new("\\A(?:" .. table.concat(parts, "|") .. ")\\z", "s", table.concat(list, " "))
end

return M
