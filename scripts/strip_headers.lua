-- strip_headers: takes headers away, such as those that are nobody's business elsewhere.
--
-- Parameters
--   headers  the headers, globs with commas, such as authorization, x-internal-*; required
--   keep     true: the headers listed are the ones that stay; false
-- Cost      30 ns per record without headers, 300 ns per header; without a hit headers are not written anew
-- Order     as without it
-- Loss      the headers
-- Example
--   [script]
--   file = scripts/strip_headers.lua
--   param.headers = authorization, x-internal-*
local mirror = require "mirror"
local header = require "mirror.header"

local names = mirror.param:list("headers") or error "param.headers is needed: the headers to take away, such as authorization"
if #names == 0 then error "param.headers names no header" end
local listed = mirror.patterns(names)
local strip = mirror.param:bool("keep", false) and header.keep or header.remove

local M = { api = 1 }

function M.record(r)
  strip(r, listed)
end

return M
