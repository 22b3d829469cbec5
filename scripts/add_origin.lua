-- add_origin: says in headers where each record came from.
--
-- Parameters
--   cluster  the source cluster's name, for the header reflejo-passed, one for each cluster that a record came through; required
--   place    true: also source-topic, source-partition, source-offset and source-timestamp; false
-- Cost      300 ns per record, 1.3 microseconds with place; headers are written anew
-- Order     as without it
-- Loss      none
-- Example
--   [script]
--   file = scripts/add_origin.lua
--   param.cluster = east
--   param.place = true
local mirror = require "mirror"
local header = require "mirror.header"

local cluster = mirror.param.cluster or error "param.cluster is needed: the source cluster's name"
if cluster == "" then error "param.cluster is empty" end
local place = mirror.param:bool("place", false)

local M = { api = 1 }

function M.record(r)
  header.add_origin(r, cluster)
  if place then header.add_source(r) end
end

return M
