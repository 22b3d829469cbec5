-- stop_loops: lets two clusters mirror the same topics to each other: what came from there does not go back there.
--
-- Parameters
--   here    the source cluster's name; required
--   there   the target cluster's name; required. Both the same in all agents.
-- Cost      300 ns per record and 100 ns per header; headers are written anew
-- Order     as without it; between what both sides write to one key there is none
-- Loss      none: what is dropped, counted for "loop", is there already
-- Example
--   [script]
--   file = scripts/stop_loops.lua
--   param.here = east
--   param.there = west
--
-- The agent of the other direction has here and there the other way round. Records carry where they have been in headers named
-- reflejo-passed; so that nothing goes round, all agents of the ring need this script, and brokers of version 0.11 or later.
-- Without a script provenance=true and loop.drop=true do the same, in a header of their own, for less.
local mirror = require "mirror"
local header = require "mirror.header"

local here = mirror.param.here or error "param.here is needed: the source cluster's name"
local there = mirror.param.there or error "param.there is needed: the target cluster's name"
if here == "" or there == "" then error "param.here and param.there must not be empty" end
if here == there then error('param.here and param.there are both "' .. here .. '": nothing could be told apart') end

local M = { api = 1 }

function M.record(r)
  if header.has_passed(r, there) then return r:drop "loop" end
  header.add_origin(r, here)
end

return M
