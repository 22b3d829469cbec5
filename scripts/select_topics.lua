-- select_topics: mirrors the topics that a file lists, and no others.
--
-- Parameters
--   file    the list, one topic a line, # for comments; relative to the script's folder; required
-- Cost      none per record: the hook runs when topics change
-- Order     as without it
-- Loss      none, but the topics that the file does not list; whitelist, include and exclude do not count
-- Example
--   [script]
--   file = scripts/select_topics.lua
--   param.file = /etc/reflejo/topics.txt
--
-- A changed list counts from the next reload on, or when topics change.
local mirror = require "mirror"

local list = mirror.map(mirror.param.file or error "param.file is needed: the file with one topic a line", { format = "lines" })
if list:count() == 0 then error("param.file: " .. mirror.param.file .. " lists no topic, so that nothing would be mirrored") end

local M = { api = 1 }

function M.topics(t)
  return list:has(t.name)
end

return M
