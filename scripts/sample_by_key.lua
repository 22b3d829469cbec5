-- sample_by_key: mirrors a part of the keys, each of them with its whole history: data for tests, from production.
--
-- Parameters
--   part    how much: a number from 0 to 1, such as 0.01; required
--   seed    a whole number; another one takes other keys; 0
-- Cost      6 ns per record, nothing is copied
-- Order     what is mirrored is as without it
-- Loss      the other keys, counted as dropped for "sample"; records without a key are all mirrored
-- Example
--   [script]
--   file = scripts/sample_by_key.lua
--   param.part = 0.01
--
-- All agents and streams choose the same keys, in all topics; a larger part holds all keys of a smaller one.
local mirror = require "mirror"
local filter, sample = require "mirror.filter", require "mirror.sample"

local part = mirror.param:number "part" or error "param.part is needed: a number from 0 to 1"
if part < 0 or part > 1 then error("param.part must be from 0 to 1, not " .. part) end
local seed = mirror.param:number("seed", 0)
if seed < 0 or seed % 1 ~= 0 then error("param.seed must be a whole number from 0, not " .. seed) end

return { api = 1, record = filter.only(sample.by_key(part, seed), "sample") }
