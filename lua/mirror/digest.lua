-- Digests and codes: mirror.murmur2, crc32, fnv1a, fnv1a_sarama, xxhash, sha256, hmac, base64, hex.
local private = ...
local ffi, library = private.ffi, private.library
local seat = require "mirror.seat"
local want = seat.want

local M = { base64 = {}, hex = {} }
local murmur2, crc32, fnv1a, fnv1a_sarama = library.murmur2, library.crc32, library.fnv1a, library.fnv1a_sarama
local small = ffi.new("char[?]", 64)

--- mirror.murmur2(s): Kafka's murmur2, what Java's default partitioner hashes keys with; the partition is
-- bit.band(hash, 0x7fffffff) % n, for a record's own key r:key_partition(n).
-- phase: any
-- s: string, the bytes
-- returns: number, signed 32 bit as in Java
-- raises: s is not a string
-- cost: 5 ns for a short key
-- example:
--   assert(mirror.murmur2("foobar") == -790332482)
--   assert(bit.band(mirror.murmur2("21"), 0x7fffffff) % 6 == 0)
function M.murmur2(s)
  return murmur2(want("string", s, "s"), #s)
end

--- mirror.crc32(s): CRC-32 as in zlib and gzip; librdkafka's consistent partitioner takes it modulo the number of partitions.
-- phase: any
-- s: string, the bytes
-- returns: number, 0 to 4294967295
-- raises: s is not a string
-- cost: 12 ns for a short key, 0.3 ns a byte
-- example:
--   assert(mirror.crc32("123456789") == 0xcbf43926)
function M.crc32(s)
  return crc32(want("string", s, "s"), #s)
end

--- mirror.fnv1a(s): FNV-1a of 32 bits as published.
-- phase: any
-- s: string, the bytes
-- returns: number, 0 to 4294967295
-- raises: s is not a string
-- cost: 6 ns for a short key, 1 ns a byte
-- example:
--   assert(mirror.fnv1a("foobar") == 0xbf9cf968)
function M.fnv1a(s)
  return fnv1a(want("string", s, "s"), #s)
end

--- mirror.fnv1a_sarama(s): what librdkafka's fnv1a partitioner and Sarama's hash partitioner make of FNV-1a: the absolute value
-- of the hash read as signed. The partition is this modulo the number of partitions.
-- phase: any
-- s: string, the bytes
-- returns: number, 0 to 2147483648
-- raises: s is not a string
-- cost: 6 ns for a short key, 1 ns a byte
-- example:
--   assert(mirror.fnv1a_sarama("foobar") == 4294967296 - 0xbf9cf968)
function M.fnv1a_sarama(s)
  return fnv1a_sarama(want("string", s, "s"), #s)
end

--- mirror.xxhash(s): XXH64 with seed 0, as 16 hex digits (a Lua number could not hold it).
-- phase: any
-- s: string, the bytes
-- returns: string, 16 lower-case hex digits
-- raises: s is not a string
-- cost: 15 ns, 0.1 ns a byte, and 60 ns for the new string
-- example:
--   assert(mirror.xxhash("") == "ef46db3751d8e999")
function M.xxhash(s)
  library.xxhash(want("string", s, "s"), #s, small)
  return ffi.string(small, 16)
end

local function in_form(bytes, form)
  if form == "raw" then return bytes end
  if form ~= nil and form ~= "hex" then error('the form is "hex" or "raw"', 2) end
  return M.hex.encode(bytes)
end

--- mirror.sha256(s[, form]): SHA-256.
-- phase: any
-- s: string, the bytes
-- form: "hex" (default): 64 lower-case hex digits; "raw": 32 bytes
-- returns: string
-- raises: s is not a string, an unknown form
-- cost: 0.4 microseconds, 0.5 ns a byte with the processor's SHA instructions, 3 without
-- example:
--   assert(mirror.sha256("abc"):sub(1, 8) == "ba7816bf")
--   assert(#mirror.sha256("abc", "raw") == 32)
function M.sha256(s, form)
  if library.sha256(want("string", s, "s"), #s, small) ~= 0 then error("OpenSSL gives no SHA-256 here", 2) end
  return in_form(ffi.string(small, 32), form)
end

--- mirror.hmac(key, s[, form]): HMAC with SHA-256: a hash of personal data that nobody can try names against without the key.
-- phase: any
-- key: string, the secret's bytes
-- s: string, the bytes
-- form: "hex" (default): 64 lower-case hex digits; "raw": 32 bytes
-- returns: string
-- raises: key or s is not a string, an unknown form
-- cost: 1 microsecond, and a byte as sha256
-- example:
--   assert(mirror.hmac("Jefe", "what do ya want for nothing?"):sub(1, 8) == "5bdcc146")
function M.hmac(key, s, form)
  want("string", key, "key")
  want("string", s, "s")
  if library.hmac(key, #key, s, #s, small) ~= 0 then error("OpenSSL gives no HMAC-SHA-256 here", 2) end
  return in_form(ffi.string(small, 32), form)
end

--- mirror.hex.encode(s): two lower-case hex digits a byte.
-- phase: any
-- s: string, the bytes
-- returns: string
-- raises: s is not a string
-- cost: 100 ns, 2 ns a byte
-- example:
--   assert(mirror.hex.encode("\0\255") == "00ff")
function M.hex.encode(s)
  local out = ffi.new("char[?]", 2 * #want("string", s, "s") + 1)
  library.hex(s, #s, out)
  return ffi.string(out, 2 * #s)
end

--- mirror.hex.decode(s): the bytes of hex digits of either case.
-- phase: any
-- s: string, hex digits
-- returns: string; nil, "not hex"
-- raises: s is not a string
-- cost: 100 ns, 2 ns a byte
-- example:
--   assert(mirror.hex.decode("00fF") == "\0\255")
--   assert(mirror.hex.decode("0") == nil)
function M.hex.decode(s)
  local out = ffi.new("char[?]", #want("string", s, "s") / 2 + 1)
  local n = library.unhex(s, #s, out)
  if n < 0 then return nil, "not hex" end
  return ffi.string(out, n)
end

--- mirror.base64.encode(s[, alphabet]): base64.
-- phase: any
-- s: string, the bytes
-- alphabet: nil: the usual one with padding; "url": - and _ for + and /, no padding
-- returns: string
-- raises: s is not a string
-- cost: 100 ns, 2 ns a byte
-- example:
--   assert(mirror.base64.encode("any carnal pleas") == "YW55IGNhcm5hbCBwbGVhcw==")
--   assert(mirror.base64.encode("\251\255", "url") == "-_8")
function M.base64.encode(s, alphabet)
  local out = ffi.new("char[?]", (#want("string", s, "s") + 2) / 3 * 4 + 4)
  local n = library.base64(s, #s, alphabet == "url" and 1 or 0, out)
  return ffi.string(out, n)
end

--- mirror.base64.decode(s): the bytes of base64 in either alphabet, with or without padding.
-- phase: any
-- s: string, base64 without line breaks
-- returns: string; nil, "not base64"
-- raises: s is not a string
-- cost: 100 ns, 2 ns a byte
-- example:
--   assert(mirror.base64.decode("YW55IGNhcm5hbCBwbGVhcw==") == "any carnal pleas")
--   assert(mirror.base64.decode("a") == nil)
function M.base64.decode(s)
  local out = ffi.new("char[?]", #want("string", s, "s") + 1)
  local n = library.unbase64(s, #s, out)
  if n < 0 then return nil, "not base64" end
  return ffi.string(out, n)
end

return M
