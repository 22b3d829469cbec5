-- route_by_key_pattern: sends each record to the topic of the first pattern that its key matches.
--
-- Parameters
--   routes  GLOB=TOPIC, with commas, tried in this order against the whole key, such as "eu-*=orders.eu, us-*=orders.us"; required
--   others  a record whose key matches none, or is null: keep (the topic as routed), drop or dead-letter; keep
-- Cost      60 ns per record and pattern tried, in place: the key becomes no string
-- Order     as without it: a key goes to one topic always
-- Loss      none; with drop the others, counted as dropped for "no pattern"
-- Example
--   [script]
--   file = scripts/route_by_key_pattern.lua
--   param.routes = eu-*=orders.eu, us-*=orders.us
local mirror = require "mirror"

local others = mirror.param.others or "keep"
if others ~= "keep" and others ~= "drop" and others ~= "dead-letter" then
  error('param.others must be keep, drop or dead-letter, not "' .. others .. '"')
end
local patterns, topics = {}, {}
for i, route in ipairs(mirror.param:list("routes") or error 'param.routes is needed, such as "eu-*=orders.eu, us-*=orders.us"') do
  -- A key may hold =, a topic's name may not.
  local glob, topic = route:match "^(.-)%s*=%s*([^=]+)$"
  if not glob or glob == "" then error('param.routes takes GLOB=TOPIC, not "' .. route .. '"') end
  patterns[i], topics[i] = mirror.patterns { glob }, mirror.topic(topic)
end
if #patterns == 0 then error "param.routes names no route" end

local M = { api = 1 }

function M.record(r)
  for i = 1, #patterns do
    if r:key_matches(patterns[i]) then
      r.topic = topics[i]
      return
    end
  end
  if others == "drop" then return r:drop "no pattern" end
  if others == "dead-letter" then return r:dead_letter "no pattern" end
end

return M
