-- fan_out_by_tenant: sends each record to all topics that a table has for its tenant, which a header names.
--
-- Parameters
--   file    the table, CSV without a heading: tenant, topics with blanks between them; relative to the script's folder; required
--   header  the header that names the tenant; its last value counts; tenant
--   others  a record without the header, or of a tenant that the table does not have: keep (the topic as routed), drop or
--           dead-letter; dead-letter
-- Cost      400 ns per record and 300 ns per topic; headers are copied for each
-- Order     within a key and a target topic as without it
-- Loss      none; with drop the others, counted as dropped for "no tenant" or "unknown tenant". What went to a tenant's topics is counted as
--           dropped, too, for "fanned out": it goes nowhere else.
-- Example
--   [mirror]
--   dead.letter.topic = tenants.unknown
--   [script]
--   file = scripts/fan_out_by_tenant.lua
--   param.file = /etc/reflejo/tenants.csv
--
-- A line of the table: acme,acme.orders audit.orders
-- A changed table counts within seconds. For more topics than 16 raise emit.limit. A record is done when all its copies are.
local mirror = require "mirror"

local header = mirror.param.header or "tenant"
if header == "" then error "param.header is empty" end
local others = mirror.param.others or "dead-letter"
if others ~= "keep" and others ~= "drop" and others ~= "dead-letter" then
  error('param.others must be keep, drop or dead-letter, not "' .. others .. '"')
end
local tenants = mirror.map(mirror.param.file or error "param.file is needed: the CSV file with tenant and topics", { format = "csv" })

-- The outputs of each text of the table; old texts are forgotten with the rest.
local TEXTS_MOST = 10000
local outputs_of, count = {}, 0

local function read_topics(text)
  local outputs = {}
  for topic in text:gmatch "%S+" do outputs[#outputs + 1] = { topic = mirror.topic(topic) } end
  if count == TEXTS_MOST then outputs_of, count = {}, 0 end
  outputs_of[text], count = outputs, count + 1
  return outputs
end

local function leave(r, reason)
  if others == "drop" then return r:drop(reason) end
  if others == "dead-letter" then return r:dead_letter(reason) end
end

local M = { api = 1 }

function M.record(r)
  local tenant = r.headers:get(header)
  if tenant == nil or tenant == mirror.null then return leave(r, "no tenant") end
  local text = tenants:get(tenant)
  local outputs = text and (outputs_of[text] or read_topics(text))
  if not outputs or #outputs == 0 then return leave(r, "unknown tenant") end
  for i = 1, #outputs do r:emit(outputs[i]) end
  return r:drop "fanned out"
end

return M
