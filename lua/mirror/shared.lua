-- Dictionaries across streams: mirror.shared.
local private = ...
local ffi, library = private.ffi, private.library
local seat = require "mirror.seat"
local want, fail = seat.want, seat.fail
-- As enum script_kind in library.h.
local FALSE, TRUE, NUMBER, STRING = 2, 3, 4, 5
local OPTIONS = { bytes = true }

local M = {}
local Shared = {}
Shared.__index = Shared
local value, number = ffi.new("struct script_value"), ffi.new("double[1]")

--- mirror.shared(name[, options]): a dictionary that all streams of this agent share and that outlives reloads, not restarts. When
-- it is full, what has expired is dropped; if that is not enough, writing raises, so that nothing is taken for known that is not.
-- phase: any; best while the script is loaded
-- name: string
-- options: { bytes = number }: what it may hold, with some 80 bytes an entry; 16 MiB when absent
-- returns: the dictionary
-- raises: a wrong type, more than 64 dictionaries, bytes not from 4096 to 4 GiB
-- cost: some microseconds
-- example:
--   local tenants = mirror.shared("tenants", { bytes = 1024 * 1024 })
--   tenants:set("acme", true)
--   assert(tenants:get("acme") == true)
function M.shared(name, options)
  want("string", name, "name")
  options = options == nil and {} or want("table", options, "options")
  seat.check_options(options, OPTIONS)
  local bytes = options.bytes or 0
  local shared = library.shared(seat.seat, name, want("number", bytes, "bytes"))
  if shared == nil then fail() end
  return setmetatable({ shared = shared }, Shared)
end

local function fill(v, level)
  local kind = type(v)
  value._text, value._size, value._number = nil, 0, 0
  if kind == "string" then
    value._kind, value._text, value._size = STRING, v, #v
  elseif kind == "number" then
    value._kind, value._number = NUMBER, v
  elseif kind == "boolean" then
    value._kind = v and TRUE or FALSE
  else
    error("a shared dictionary holds strings, numbers and booleans, not a " .. kind, level + 1)
  end
end

--- shared:get(key): the entry.
-- phase: any
-- key: string
-- returns: string, number or boolean; nil when there is none
-- raises: key is not a string
-- cost: 40 ns, more when streams meet in one part of the dictionary
-- example:
--   local d = mirror.shared("example")
--   d:set("a", "x")
--   assert(d:get("a") == "x" and d:get("b") == nil)
function Shared:get(key)
  if library.shared_get(seat.seat, self.shared, want("string", key, "key"), #key, value) == 0 then return nil end
  local kind = value._kind
  if kind == STRING then return ffi.string(value._text, value._size) end
  if kind == NUMBER then return value._number end
  return kind == TRUE
end

local function put(self, key, v, ttl_ms, only_absent)
  want("string", key, "key", 3)
  if ttl_ms ~= nil then want("number", ttl_ms, "ttl_ms", 3) end
  fill(v, 3)
  local done = library.shared_set(seat.seat, self.shared, key, #key, value, ttl_ms or 0, only_absent)
  if done < 0 then fail(3) end
  return done == 1
end

--- shared:set(key, value[, ttl_ms]): writes an entry.
-- phase: any
-- key: string
-- value: string, number or boolean; nil deletes
-- ttl_ms: number, milliseconds after which the entry is gone; for ever when absent
-- returns: nothing
-- raises: a wrong type, the dictionary is full
-- cost: 60 ns
-- example:
--   mirror.shared("example"):set("a", 1, 60000)
function Shared:set(key, v, ttl_ms)
  if v == nil then
    self:delete(key)
  else
    put(self, key, v, ttl_ms, 0)
  end
end

--- shared:add(key, value[, ttl_ms]): writes an entry only if there is none: of several streams one succeeds.
-- phase: any
-- key: string
-- value: string, number or boolean
-- ttl_ms: number, milliseconds after which the entry is gone; for ever when absent
-- returns: boolean: was it written?
-- raises: a wrong type, the dictionary is full
-- cost: 60 ns
-- example:
--   local d = mirror.shared("example")
--   d:delete("once")
--   assert(d:add("once", true) and not d:add("once", true))
function Shared:add(key, v, ttl_ms)
  local done = put(self, key, v, ttl_ms, 1)
  return done
end

--- shared:incr(key[, by[, ttl_ms]]): adds to a number, which begins at 0.
-- phase: any
-- key: string
-- by: number, 1 when absent
-- ttl_ms: number, milliseconds after which a new entry is gone; one that is there keeps its time
-- returns: number, the sum
-- raises: a wrong type, the entry is no number, the dictionary is full
-- cost: 40 ns, more when streams meet in one part of the dictionary
-- example:
--   local d = mirror.shared("example")
--   d:delete("n")
--   assert(d:incr("n") == 1 and d:incr("n", 5) == 6)
function Shared:incr(key, by, ttl_ms)
  want("string", key, "key")
  if by ~= nil then want("number", by, "by") end
  if ttl_ms ~= nil then want("number", ttl_ms, "ttl_ms") end
  if library.shared_increase(seat.seat, self.shared, key, #key, by or 1, ttl_ms or 0, number) ~= 0 then fail() end
  return number[0]
end

--- shared:delete(key): removes an entry.
-- phase: any
-- key: string
-- returns: boolean: was there one?
-- raises: key is not a string
-- cost: 40 ns, more when streams meet in one part of the dictionary
-- example:
--   local d = mirror.shared("example")
--   d:set("a", 1)
--   assert(d:delete("a") and not d:delete("a"))
function Shared:delete(key)
  return library.shared_remove(self.shared, want("string", key, "key"), #key) ~= 0
end

return M
