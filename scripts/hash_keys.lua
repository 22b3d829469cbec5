-- hash_keys: puts a hash in the place of each key, that nobody can turn back: HMAC-SHA-256 with a secret, 64 hex digits.
--
-- Parameters
--   secret  the key of the hash, best as @FILE; required. With another secret all keys are others.
-- Cost      1.5 microseconds per record
-- Order     as without it: what had one key has one again, in one partition, though another where the key chooses it
-- Loss      none, but what the keys said; null keys stay null
-- Example
--   [script]
--   file = scripts/hash_keys.lua
--   param.secret = @/etc/reflejo/key.secret
--
-- Identifiers within values are another matter; see mask_fields.
local mirror = require "mirror"

local secret = mirror.param.secret or error "param.secret is needed: the key of the hash; write param.secret = @FILE"
if secret == "" then error "param.secret is empty: anybody could make the same hashes" end
local hmac = mirror.hmac

local M = { api = 1 }

function M.record(r)
  local key = r.key
  if key then r.key = hmac(secret, key) end
end

return M
