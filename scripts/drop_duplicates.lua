-- drop_duplicates: mirrors a record once, when the same comes several times within a window.
--
-- Parameters
--   id       what makes two records the same: record (key and value), key, header:NAME or json:FIELD; record
--   seconds  the window, by the records' timestamps (the clock's time for those without); 600
--   entries  how many records a partition remembers at most, some 200 bytes each; 10000
-- Cost      2 microseconds per record, with id = record 0.5 ns per byte of the value more
-- Order     as without it: the first one stays
-- Loss      duplicates, counted as dropped for "duplicate". With id = key, header or json whatever has the same, be it another record.
-- Example
--   [script]
--   file = scripts/drop_duplicates.lua
--   param.id = header:message-id
--   param.seconds = 3600
--
-- What is remembered belongs to one source partition. A reload hands it over; after a restart or when a partition moves to another
-- stream, duplicates of what was before pass. When entries are too few the oldest are forgotten: duplicates pass, nothing is lost.
local mirror = require "mirror"
local window = require "mirror.window"

local seconds = mirror.param:number("seconds", 600)
if seconds <= 0 then error("param.seconds must be more than 0, not " .. seconds) end
local entries = mirror.param:number("entries", 10000)
if entries < 1 or entries % 1 ~= 0 then error("param.entries must be a whole number from 1, not " .. entries) end
local options = { age_ms = math.ceil(seconds * 1000), entries = entries }

-- Each gives a record's identity; nil: it has none, and is mirrored.
local makers = {}

function makers.record()
  return function(r)
    local key, value = r.key, r.value
    return (value and mirror.sha256(value, "raw") or "null") .. (key and ":" .. key or "")
  end
end

function makers.key()
  return function(r) return r.key end
end

function makers.header(name)
  return function(r)
    local value = r.headers:get(name)
    if value ~= mirror.null then return value end
  end
end

function makers.json(field)
  mirror.json.get("{}", field) -- raises when the path is malformed
  return function(r)
    local value, kind = mirror.json.get(r, field)
    if value ~= nil and value ~= mirror.null then return kind .. ":" .. tostring(value) end
  end
end

local id = mirror.param.id or "record"
local maker, rest = id:match "^(%w+):?(.*)$"
if not makers[maker] or (rest == "") ~= (maker == "record" or maker == "key") then
  error('param.id must be record, key, header:NAME or json:FIELD, not "' .. id .. '"')
end
local id_of = makers[maker](rest)

local memories = {} -- by source topic and partition

local function memory_of(topic, partition)
  local of_topic = memories[topic]
  if not of_topic then
    of_topic = {}
    memories[topic] = of_topic
  end
  local memory = of_topic[partition]
  if not memory then
    memory = window.seen(options)
    of_topic[partition] = memory
  end
  return memory
end

local M = { api = 1 }

function M.init(ctx)
  for topic, partitions in pairs(ctx.saved or {}) do
    for partition, saved in pairs(partitions) do memory_of(topic, partition):load(saved) end
  end
end

function M.record(r)
  local name = id_of(r)
  if name == nil then return end
  if memory_of(r.source_topic, r.source_partition):check(name, r, r.timestamp) then return r:drop "duplicate" end
end

function M.close()
  local out = {}
  for topic, partitions in pairs(memories) do
    out[topic] = {}
    for partition, memory in pairs(partitions) do out[topic][partition] = memory:save() end
  end
  return out
end

return M
