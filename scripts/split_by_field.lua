-- split_by_field: splits a topic by a field of JSON values: TOPIC.VALUE for each value of a list.
--
-- Parameters
--   field       where the value is: names with dots, numbers for elements of arrays, such as customer.region; required
--   values      the values that have a topic of their own, with commas; required
--   separator   what stands between topic and value; .
--   others      a record with another value, or none, or no JSON: keep (the topic as routed), drop or dead-letter; dead-letter
--   tombstones  all (to every topic, since nobody knows where the key was), keep or drop; all
-- Cost      150 ns per record and 1 ns per byte of the value
-- Order     within a key and a target topic as without it; between target topics there is none
-- Loss      none; with drop the others, counted as dropped for "not JSON", "no FIELD" or "no topic for the value", and tombstones
-- Example
--   [mirror]
--   dead.letter.topic = orders.dead
--   [script]
--   file = scripts/split_by_field.lua
--   param.field = customer.region
--   param.values = eu, us
--
-- A record whose value has changed since leaves what it was in the topic where that went. For more than 16 values raise emit.limit.
local mirror = require "mirror"

local field = mirror.param.field or error "param.field is needed: where the value is, such as customer.region"
local values = mirror.param:list("values") or error "param.values is needed: the values that have a topic, such as eu, us"
if #values == 0 then error "param.values names no value" end
local is_value = {}
local separator = mirror.param.separator or "."
for _, value in ipairs(values) do
  is_value[value] = true
  mirror.topic("a" .. separator .. value) -- raises when this can be no topic's name
end
mirror.json.get("{}", field) -- raises when the path is malformed
local others, tombstones = mirror.param.others or "dead-letter", mirror.param.tombstones or "all"
if others ~= "keep" and others ~= "drop" and others ~= "dead-letter" then
  error('param.others must be keep, drop or dead-letter, not "' .. others .. '"')
end
if tombstones ~= "all" and tombstones ~= "keep" and tombstones ~= "drop" then
  error('param.tombstones must be all, keep or drop, not "' .. tombstones .. '"')
end

local function leave(r, reason)
  if others == "drop" then return r:drop(reason) end
  if others == "dead-letter" then return r:dead_letter(reason) end
end

local function delete(r)
  if tombstones == "keep" then return end
  if tombstones == "all" then
    for i = 1, #values do r:emit { topic = r.topic .. separator .. values[i] } end
  end
  return r:drop "tombstone"
end

local M = { api = 1 }

function M.record(r)
  if r.tombstone then return delete(r) end
  local value, why = mirror.json.get(r, field)
  if value == nil then return leave(r, why) end
  if type(value) ~= "string" then value = tostring(value) end
  if not is_value[value] then return leave(r, "no topic for the value") end
  r.topic = r.topic .. separator .. value
end

return M
