-- keep_partitions: mirrors some partitions of a topic only.
--
-- Parameters
--   partitions  numbers and ranges, with commas, such as "0-3, 7"; required
--   topics      the topics that this holds for, globs with commas; others are mirrored whole; *
-- Cost      15 ns per record; the others are read from the source all the same
-- Order     as without it
-- Loss      the records of the partitions that are not listed, counted as dropped for "partition"
-- Example
--   [script]
--   file = scripts/keep_partitions.lua
--   param.partitions = 0-3, 7
local mirror = require "mirror"
local filter = require "mirror.filter"

local MOST = 1000000
local is_kept = {}
for _, part in ipairs(mirror.param:list("partitions") or error 'param.partitions is needed, such as "0-3, 7"') do
  local first, last = part:match "^(%d+)%s*%-%s*(%d+)$"
  first = tonumber(first or part:match "^%d+$")
  last = tonumber(last) or first
  if not first or last < first or last > MOST then
    error('param.partitions takes numbers and ranges from low to high, such as "0-3, 7", not "' .. part .. '"')
  end
  for partition = first, last do is_kept[partition] = true end
end
if not next(is_kept) then error "param.partitions names no partition, so that nothing would be mirrored" end
local concerns = filter.topic(mirror.param:list("topics", { "*" }))

local M = { api = 1 }

function M.record(r)
  if not is_kept[r.source_partition] and concerns(r) then return r:drop "partition" end
end

return M
