-- rename_by_table: gives topics other names at the target, by a table in a file.
--
-- Parameters
--   file    the table, CSV without a heading: source topic, target topic; relative to the script's folder; required
--   others  a topic that the table does not have: keep (same name) or skip (not mirrored); keep
-- Cost      none per record: the hook runs when topics change
-- Order     as without it; two topics that get one name are mixed (reflejo plan shows them)
-- Loss      none; with others = skip the topics that the table does not have
-- Example
--   [script]
--   file = scripts/rename_by_table.lua
--   param.file = /etc/reflejo/topics.csv
--
-- A changed table counts from the next reload on, or when topics change.
local mirror = require "mirror"

local others = mirror.param.others or "keep"
if others ~= "keep" and others ~= "skip" then error('param.others must be keep or skip, not "' .. others .. '"') end
local names = mirror.map(mirror.param.file or error "param.file is needed: the CSV file with source topic and target topic",
  { format = "csv" })

local M = { api = 1 }

function M.route(t)
  local name = names:get(t.name)
  if name then return name end
  if others == "skip" then return false end
end

return M
