-- Samples: mirror.sample (require "mirror.sample"): a part of the records, by key or by number.
local private = ...
local library, key_of = private.library, private.key_of
local seat = require "mirror.seat"
local want = seat.want
local fraction_of = library.fraction

local M = {}

--- sample.by_key(part[, seed]): a condition that holds for a part of the keys: the same key has the same verdict always, in every
-- stream and agent, so that histories stay whole; a larger part holds all that a smaller one does. Records without a key are all in
-- or, when part is 0, out.
-- phase: any; best while the script is loaded
-- part: number from 0 to 1
-- seed: number; another one makes another choice of keys; 0 when absent
-- returns: a function of the record, or of a string, that returns a boolean; for mirror.filter, too
-- raises: part is not from 0 to 1, seed is not a whole number from 0 to 2^53
-- cost: 6 ns, in place
-- example:
--   local sample = require "mirror.sample"
--   local tenth, half = sample.by_key(0.1), sample.by_key(0.5)
--   for i = 1, 100 do assert(not tenth("k" .. i) or half("k" .. i)) end
--   assert(sample.by_key(1)("any") and not sample.by_key(0)("any"))
-- record:
--   assert(require("mirror.sample").by_key(0.5)(r) == require("mirror.sample").by_key(0.5)("k1"))
function M.by_key(part, seed)
  want("number", part, "part")
  seed = seed == nil and 0 or want("number", seed, "seed")
  if not (part >= 0 and part <= 1) then error("part must be from 0 to 1, not " .. part, 2) end
  if not (seed >= 0 and seed <= 2 ^ 53 and seed % 1 == 0) then error("seed must be a whole number from 0 to 2^53", 2) end
  return function(r)
    if type(r) == "string" then return fraction_of(r, #r, seed) < part end
    local key, size = key_of(r)
    if key == nil then return part > 0 end
    return fraction_of(key, size, seed) < part
  end
end

--- sample.every(n): a condition that holds for every nth record that it is asked about, the first one included. Each stream counts
-- for itself, and a record that is offered again may get another verdict; by_key does neither.
-- phase: any; best while the script is loaded
-- n: whole number from 1
-- returns: a function that returns a boolean
-- raises: n is not a whole number from 1
-- cost: 1 ns
-- example:
--   local third = require("mirror.sample").every(3)
--   assert(third() and not third() and not third() and third())
function M.every(n)
  if want("number", n, "n") < 1 or n % 1 ~= 0 then error("n must be a whole number from 1, not " .. n, 2) end
  local left = 0
  return function()
    if left == 0 then
      left = n - 1
      return true
    end
    left = left - 1
    return false
  end
end

return M
