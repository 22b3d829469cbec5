-- route_by_header: sends each record to the topic that a table has for a header's value.
--
-- Parameters
--   header  the header's name; its last value counts; required
--   file    the table, CSV without a heading: value, target topic; relative to the script's folder; required
--   others  a record without the header, or with a value that the table does not have: keep (the topic as routed), drop or
--           dead-letter; keep
-- Cost      200 ns per record
-- Order     within a key and a target topic as without it; between target topics there is none
-- Loss      none; with drop the others, counted as dropped for "no such header" or "no topic for the header"
-- Example
--   [script]
--   file = scripts/route_by_header.lua
--   param.header = region
--   param.file = /etc/reflejo/regions.csv
--
-- A changed table counts within seconds. The topics have to be there at the target, or its brokers create them.
local mirror = require "mirror"

local header = mirror.param.header or error "param.header is needed: the name of the header to go by"
if header == "" then error "param.header is empty" end
local others = mirror.param.others or "keep"
if others ~= "keep" and others ~= "drop" and others ~= "dead-letter" then
  error('param.others must be keep, drop or dead-letter, not "' .. others .. '"')
end
local topics = mirror.map(mirror.param.file or error "param.file is needed: the CSV file with value and target topic",
  { format = "csv" })

local function leave(r, reason)
  if others == "drop" then return r:drop(reason) end
  if others == "dead-letter" then return r:dead_letter(reason) end
end

local M = { api = 1 }

function M.record(r)
  local value = r.headers:get(header)
  if value == nil or value == mirror.null then return leave(r, "no such header") end
  local topic = topics:get(value)
  if not topic then return leave(r, "no topic for the header") end
  r.topic = topic
end

return M
