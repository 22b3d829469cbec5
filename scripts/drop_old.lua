-- drop_old: mirrors no records that are older than some hours, by their timestamp.
--
-- Parameters
--   hours   the age from which on records are left out; required
-- Cost      35 ns per record
-- Order     as without it
-- Loss      old records, counted as dropped for "old"; after an outage that was longer than hours, new ones have become old.
--           Tombstones go like all others. A record without a timestamp is mirrored.
-- Example
--   [script]
--   file = scripts/drop_old.lua
--   param.hours = 72
local mirror = require "mirror"

local hours = mirror.param:number "hours" or error "param.hours is needed: the age from which on records are left out"
if hours <= 0 then error("param.hours must be more than 0, not " .. hours) end
local age_ms = hours * 3600000
local now_ms = mirror.now_ms

local M = { api = 1 }

function M.record(r)
  local timestamp = r.timestamp
  if timestamp and timestamp < now_ms() - age_ms then return r:drop "old" end
end

return M
