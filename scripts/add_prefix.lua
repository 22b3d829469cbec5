-- add_prefix: puts the source's name before every topic's name, and never mirrors back what came that way.
--
-- Parameters
--   prefix  what stands before the name at the target, such as "east."; required
--   skip    prefixes, with commas: topics that begin with one are not mirrored, such as the other cluster's "west."; none
-- Cost      none per record: the hooks run when topics change
-- Order     as without it
-- Loss      none, but the topics that skip names
-- Example
--   [script]
--   file = scripts/add_prefix.lua
--   param.prefix = east.
--   param.skip = west.
--
-- With the example at east, and prefix and skip the other way round at west, two clusters mirror each other without loops.
-- Where a prefix is all that is wanted, topic.prefix in [mirror] does it without a script.
local mirror = require "mirror"

local prefix = mirror.param.prefix or error 'param.prefix is needed: what stands before the names, such as "east."'
if not prefix:find "^[%w._-]+$" then
  error('param.prefix takes letters, digits, dots, dashes and underscores, not "' .. prefix .. '"')
end
local skip = mirror.param:list("skip", {})

local M = { api = 1 }

function M.topics(t)
  for _, start in ipairs(skip) do
    if t.name:sub(1, #start) == start then return false end
  end
end

function M.route(t)
  return prefix .. t.name
end

return M
