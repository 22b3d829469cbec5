-- The library that scripts see: require "mirror".
local private = ...
local library = private.library
local digest, regex, metric = require "mirror.digest", require "mirror.regex", require "mirror.metric"
local wall_ms = library.wall_ms
local mocks = private.mocks or {}
-- Tests of scripts set the clock.
if mocks.now then private.now = function() return mocks.now end end

local M = {
  murmur2 = digest.murmur2,
  crc32 = digest.crc32,
  fnv1a = digest.fnv1a,
  fnv1a_sarama = digest.fnv1a_sarama,
  xxhash = digest.xxhash,
  sha256 = digest.sha256,
  hmac = digest.hmac,
  base64 = digest.base64,
  hex = digest.hex,
  regex = regex.regex,
  patterns = regex.patterns,
  counter = metric.counter,
  gauge = metric.gauge,
  shared = require("mirror.shared").shared,
  map = require("mirror.map").map,
  log = require "mirror.log",
  param = require "mirror.param",
  json = require "mirror.json",
}

--- mirror.null: null where nil would mean "not given": JSON's null, a null key, value or header.
-- phase: any
-- returns: the same value always
-- raises: nothing
-- cost: none
-- example:
--   assert(mirror.json.get('{"a":null}', "a") == mirror.null)
M.null = private.null

--- mirror.args: the text of [script] args (--message.handler.args).
-- phase: any
-- returns: string; nil when it is not given
-- raises: nothing
-- cost: none
-- example:
--   assert(mirror.args == nil or type(mirror.args) == "string")
M.args = private.args

--- mirror.stream, mirror.streams: the number of this stream, from 0, and how many there are. -1 in the state that answers for
-- topics, routes and partitions and mirrors nothing itself.
-- phase: any
-- returns: number
-- raises: nothing
-- cost: none
-- example:
--   assert(mirror.stream < mirror.streams)
M.stream, M.streams = private.stream, private.streams

--- mirror.now_ms(): the time.
-- phase: any
-- returns: number, milliseconds since 1970 UTC
-- raises: nothing
-- cost: 26 ns
-- example:
--   assert(mirror.now_ms() > 1.6e12)
function M.now_ms()
  local now = private.now
  return now and now() or wall_ms()
end

--- mirror.topic(name): a topic's handle; assigning it to r.topic is quicker than assigning the name.
-- phase: any; best while the script is loaded
-- name: string, a topic's name
-- returns: a handle for r.topic
-- raises: the name is not a topic's, or there are too many
-- cost: 100 ns
-- example:
--   assert(mirror.topic("orders").name == "orders")
function M.topic(name)
  return private.topic(name)
end

--- mirror.partitions(topic): how many partitions a topic has at the target.
-- phase: any; best in the hooks for topics, routes and partitions
-- topic: string
-- returns: number; nil when it is not known
-- raises: nothing
-- cost: 1 microsecond
-- example:
--   local n = mirror.partitions("orders")
--   assert(n == nil or n >= 1)
function M.partitions(topic)
  return private.partitions(topic)
end

return setmetatable(M, {
  __index = function(_, name)
    if name ~= "args" then private.raise(private.no_field("mirror", name, M)) end
  end,
})
