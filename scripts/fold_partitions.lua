-- fold_partitions: mirrors into a topic with fewer partitions, number by number: partition p goes to p modulo the target's count.
--
-- Parameters
--   topics  the topics that are folded, globs with commas; *
--   count   partitions to fold onto; as many as the target's topic has
-- Cost      none per record: the hook runs when partitions change
-- Order     within a source partition as without it: a key stays in one partition. When the target's count divides the source's,
--           keys stand where Java's partitioner would put them (hash modulo 12 modulo 4 is hash modulo 4); otherwise they do not.
-- Loss      none
-- Example
--   [script]
--   file = scripts/fold_partitions.lua
--   param.topics = orders, users
--
-- Where the target does not have the topic yet, or cannot be asked (reflejo plan --source-topics), count is needed: rather than guess,
-- the script refuses to start.
local mirror = require "mirror"

local folded = mirror.patterns(mirror.param:list("topics", { "*" }))
local count = mirror.param:number("count")
if count and (count < 1 or count % 1 ~= 0) then error("param.count must be a whole number from 1, not " .. count) end

local M = { api = 1 }

function M.route(t)
  if folded:matches(t.name) then return { partitions = "map" } end
end

function M.partition(src, dst)
  local onto = count or dst.partitions
  if not onto then
    error("how many partitions " .. dst.topic .. " has at the target is not known; create the topic, or give param.count")
  end
  return src.partition % onto
end

return M
