-- Filters: mirror.filter (require "mirror.filter"): conditions on records that are made once and put together.
local seat = require "mirror.seat"
local regex = require "mirror.regex"
local json = require "mirror.json"
local want = seat.want

local M = {}

local function conditions(...)
  local list = { ... }
  for i, f in ipairs(list) do want("function", f, "condition " .. i, 3) end
  return list
end

--- filter.all(f, ...), filter.any(f, ...), filter.none(f, ...): conditions together: all hold, at least one holds, none holds. Of
-- no condition at all: all and none hold, any does not.
-- phase: any; best while the script is loaded
-- f: conditions: functions of the record that return a boolean
-- returns: a condition
-- raises: a condition is not a function
-- cost: 3 ns a condition besides its own
-- record:
--   local filter = require "mirror.filter"
--   local wanted = filter.all(filter.topic { "orders*" }, filter.none(filter.tombstone))
--   assert(wanted(r))
function M.all(...)
  local list = conditions(...)
  return function(r)
    for i = 1, #list do
      if not list[i](r) then return false end
    end
    return true
  end
end

function M.any(...)
  local list = conditions(...)
  return function(r)
    for i = 1, #list do
      if list[i](r) then return true end
    end
    return false
  end
end

function M.none(...)
  local any = M.any(...)
  return function(r) return not any(r) end
end

-- A matcher from globs or an expression that was made before.
local function matcher(patterns)
  if type(patterns) == "table" and patterns.matches then return patterns end
  return regex.patterns(patterns)
end

--- filter.topic(patterns): the source topic's name matches.
-- phase: any; best while the script is loaded
-- patterns: globs as mirror.patterns takes, or what mirror.regex or mirror.patterns gave
-- returns: a condition
-- raises: as mirror.patterns
-- cost: 5 ns; the verdict of a topic is remembered
-- record:
--   assert(require("mirror.filter").topic { "orders*" }(r))
function M.topic(patterns)
  local match, known, count = matcher(patterns), {}, 0
  return function(r)
    local name = r.source_topic
    local verdict = known[name]
    if verdict == nil then
      if count == 10000 then known, count = {}, 0 end
      verdict = match:matches(name)
      known[name], count = verdict, count + 1
    end
    return verdict
  end
end

--- filter.key_prefix(prefix, ...): the key begins with one of these.
-- phase: any; best while the script is loaded
-- prefix: strings
-- returns: a condition
-- raises: a prefix is not a string
-- cost: 5 ns a prefix, in place
-- record:
--   assert(require("mirror.filter").key_prefix("a", "k")(r))
function M.key_prefix(...)
  local list = { ... }
  for i, prefix in ipairs(list) do want("string", prefix, "prefix " .. i) end
  return function(r)
    for i = 1, #list do
      if r:key_has_prefix(list[i]) then return true end
    end
    return false
  end
end

--- filter.key_matches(patterns), filter.value_matches(patterns): the key, or the value, matches; null does not.
-- phase: any; best while the script is loaded
-- patterns: globs (for the whole key or value) as mirror.patterns takes, or what mirror.regex gave
-- returns: a condition
-- raises: as mirror.patterns
-- cost: 60 ns for a key, in place; for a value by its length and the pattern
-- record:
--   local filter = require "mirror.filter"
--   assert(filter.key_matches("k*")(r) and filter.value_matches(mirror.regex("customer"))(r))
function M.key_matches(patterns)
  local match = matcher(patterns)
  return function(r) return r:key_matches(match) end
end

function M.value_matches(patterns)
  local match = matcher(patterns)
  return function(r) return r:value_matches(match) end
end

--- filter.key_in(set): the key is one of these; null is not.
-- phase: any; best while the script is loaded
-- set: a list of strings, or what mirror.map gave
-- returns: a condition
-- raises: a wrong type
-- cost: 70 ns (the key becomes a Lua string); with a map 100 ns
-- record:
--   assert(require("mirror.filter").key_in { "k1", "k2" }(r))
function M.key_in(set)
  want("table", set, "set")
  if set.has then
    return function(r) return set:has(r.key) end
  end
  local known = {}
  for i, key in ipairs(set) do known[want("string", key, "entry " .. i)] = true end
  return function(r)
    local key = r.key
    return key ~= nil and known[key] == true
  end
end

--- filter.value_contains(text): the value has these bytes somewhere.
-- phase: any; best while the script is loaded
-- text: string
-- returns: a condition
-- raises: text is not a string
-- cost: 10 ns and 0.1 ns a byte, in place
-- record:
--   assert(require("mirror.filter").value_contains('"id"')(r))
function M.value_contains(text)
  want("string", text, "text")
  return function(r) return r:value_contains(text) end
end

--- filter.header(name[, value]): the record has such a header.
-- phase: any; best while the script is loaded
-- name: string
-- value: string that the last header of the name must have, or a matcher of mirror.regex or mirror.patterns; any when absent
-- returns: a condition
-- raises: a wrong type
-- cost: 100 ns
-- record:
--   local filter = require "mirror.filter"
--   assert(filter.header("source")(r) and filter.header("source", "crm")(r))
--   assert(not filter.header("source", "erp")(r))
function M.header(name, value)
  want("string", name, "name")
  if value == nil then
    return function(r)
      for found in r.headers:each() do
        if found == name then return true end
      end
      return false
    end
  end
  if type(value) == "table" then
    return function(r)
      local found = r.headers:get(name)
      return type(found) == "string" and value:matches(found)
    end
  end
  want("string", value, "value")
  return function(r) return r.headers:get(name) == value end
end

--- filter.json(path, value): the value is a JSON document with this at the path.
-- phase: any; best while the script is loaded
-- path: string as json.get takes
-- value: string, number, boolean or mirror.null; or a function of what is there that returns a boolean
-- returns: a condition; it does not hold when the value is not JSON or has nothing there
-- raises: the path is malformed (when the first record comes)
-- cost: as json.get
-- record:
--   local filter = require "mirror.filter"
--   assert(filter.json("customer.id", "42")(r))
--   assert(filter.json("customer.id", function(id) return #id == 2 end)(r))
function M.json(path, value)
  want("string", path, "path")
  local get = json.get
  if type(value) == "function" then
    return function(r)
      local found = get(r, path)
      return found ~= nil and value(found) and true or false
    end
  end
  if value == nil then error("value must be given", 2) end
  return function(r) return (get(r, path)) == value end
end

--- filter.tombstone: the record's value is null. A condition itself.
-- phase: record
-- returns: boolean
-- raises: nothing
-- cost: 2 ns
-- record:
--   assert(not require("mirror.filter").tombstone(r))
function M.tombstone(r)
  return r.tombstone
end

--- filter.only(f[, reason]): a record hook that forwards what the condition holds for and drops the rest:
-- `return { api = 1, record = filter.only(filter.key_prefix("eu-")) }`.
-- phase: any; best while the script is loaded
-- f: a condition
-- reason: string that dropped records are counted under; "filter" when absent
-- returns: a function for record
-- raises: a wrong type
-- cost: 5 ns besides the condition's
-- record:
--   local filter = require "mirror.filter"
--   return filter.only(filter.key_prefix("k"))(r)
function M.only(f, reason)
  want("function", f, "f")
  reason = reason == nil and "filter" or want("string", reason, "reason")
  return function(r)
    if not f(r) then return r:drop(reason) end
  end
end

return M
