-- limit_size: puts records aside that are too large for the target.
--
-- Parameters
--   bytes   the most that key and value together may have; 1000000 (a broker takes 1048588 with headers, unless told otherwise)
--   action  what becomes of a larger record: dead-letter or drop; dead-letter
-- Cost      6 ns per record, nothing is copied
-- Order     what is mirrored is as without it
-- Loss      with drop the larger records, counted as dropped for "too large"
-- Example
--   [mirror]
--   dead.letter.topic = orders.large
--   [script]
--   file = scripts/limit_size.lua
--   param.bytes = 500000
--
-- The dead-letter topic has to take what is larger: raise its max.message.bytes and the producer's message.max.bytes.
local mirror = require "mirror"

local bytes = mirror.param:number("bytes", 1000000)
if bytes < 1 then error("param.bytes must be 1 or more, not " .. bytes) end
local action = mirror.param.action or "dead-letter"
if action ~= "dead-letter" and action ~= "drop" then error('param.action must be dead-letter or drop, not "' .. action .. '"') end

local M = { api = 1 }

function M.record(r)
  if (r.key_size or 0) + (r.value_size or 0) <= bytes then return end
  if action == "drop" then return r:drop "too large" end
  return r:dead_letter "too large"
end

return M
