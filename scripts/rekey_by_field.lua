-- rekey_by_field: makes a field of JSON values the key, and lets the partition follow.
--
-- Parameters
--   field       where the key is: names with dots, such as customer.id; a string or a whole number below 2^53; required
--   prefix      what stands before it in the key; none
--   tombstones  what becomes of a record with a null value, which has no field: drop or keep (under its old key); drop
-- Cost      300 ns per record and 1 ns per byte of the value; nothing else is copied
-- Order     within a new key only as far as its records had one old key: those of several come from several partitions
-- Loss      tombstones, counted as dropped for "tombstone": what is deleted at the source stays. To keep them would be worse where an
--           old key can equal a new one: it would delete that. Values without the field go to the dead-letter topic.
-- Example
--   [mirror]
--   dead.letter.topic = orders.dead
--   [script]
--   file = scripts/rekey_by_field.lua
--   param.field = customer.id
local mirror = require "mirror"

local field = mirror.param.field or error "param.field is needed: where the key is, such as customer.id"
mirror.json.get("{}", field) -- raises when the path is malformed
local prefix = mirror.param.prefix or ""
local tombstones = mirror.param.tombstones or "drop"
if tombstones ~= "drop" and tombstones ~= "keep" then error('param.tombstones must be drop or keep, not "' .. tombstones .. '"') end
local no_key = field .. " is no string and no whole number"

-- From here on two identifiers may have been rounded to one.
local ROUNDED = 2 ^ 53

local M = { api = 1 }

function M.record(r)
  if r.tombstone then
    if tombstones == "drop" then return r:drop "tombstone" end
    return
  end
  local id, kind = mirror.json.get(r, field)
  if id == nil then return r:dead_letter(kind) end
  if kind == "number" and id % 1 == 0 and id > -ROUNDED and id < ROUNDED then
    id = ("%.0f"):format(id)
  elseif kind ~= "string" then
    return r:dead_letter(no_key)
  end
  r.key = prefix .. id
  r.partition = nil
end

return M
