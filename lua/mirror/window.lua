-- Windows: mirror.window (require "mirror.window"): what was seen lately, and counts over spans of time, bounded in memory. Each
-- stream has its own, gone at a reload unless close() hands it over; records of one key come to one stream, so that is enough
-- for keys. mirror.shared is for more.
local private = ...
local seat = require "mirror.seat"
local want = seat.want
local wall_ms = private.library.wall_ms

-- Tests of scripts set the clock.
local function clock()
  local now = private.now
  return now and now() or wall_ms()
end

local M = {}
local Seen, Count = {}, {}
Seen.__index, Count.__index = Seen, Count

local function whole(options, name, default)
  local n = options[name]
  if n == nil then n = default end
  if type(n) ~= "number" or not (n >= 1 and n <= 2 ^ 53) or n % 1 ~= 0 then
    error(name .. " must be a whole number from 1", 3)
  end
  return n
end

--- window.seen{ age_ms = number, entries = number }: a memory of what was seen within a time, for dropping duplicates. When there are
-- more entries the oldest are forgotten first, so that a duplicate may pass; nothing is dropped wrongly.
-- phase: any; best while the script is loaded
-- age_ms: milliseconds that something is remembered for, from when it was seen first
-- entries: at most so many at once; 100000 when absent, some 150 bytes each
-- returns: the memory
-- raises: a number is missing or out of range
-- cost: 1 microsecond
-- example:
--   local seen = require("mirror.window").seen { age_ms = 1000, entries = 2 }
--   assert(not seen:check("a", nil, 0) and seen:check("a", nil, 999))
--   assert(not seen:check("a", nil, 1000))
function M.seen(options)
  want("table", options, "options")
  seat.check_options(options, { age_ms = true, entries = true })
  return setmetatable({
    age = whole(options, "age_ms"), most = whole(options, "entries", 100000),
    slot_of = {}, keys = {}, times = {}, topics = {}, partitions = {}, offsets = {},
    first = 1, last = 0, -- slots in use; they go round
  }, Seen)
end

local function forget_first(self)
  local slot = (self.first - 1) % self.most + 1
  local key = self.keys[slot]
  if self.slot_of[key] == self.first then self.slot_of[key] = nil end
  self.keys[slot] = nil
  self.first = self.first + 1
end

local function remember(self, key, r, now)
  self.last = self.last + 1
  local slot = (self.last - 1) % self.most + 1
  self.keys[slot], self.times[slot] = key, now
  if r then
    self.topics[slot], self.partitions[slot], self.offsets[slot] = r.source_topic, r.source_partition, r.offset
  else
    self.topics[slot] = false
  end
  self.slot_of[key] = self.last
end

-- Is what the slot remembers this very record, offered again?
local function is_same(self, slot, r)
  return r and self.offsets[slot] == r.offset and self.partitions[slot] == r.source_partition
    and self.topics[slot] == r.source_topic
end

--- seen:check(key[, r[, now_ms]]): was the key seen before, within the time? If not, it is remembered.
-- phase: any
-- key: string
-- r: the record that is asked about. Give it in a record hook: a record that is offered again after r:retry or a failure is then
--   known for the same one, and not taken for its own duplicate.
-- now_ms: number, the time to go by; the clock's when absent. r.timestamp measures the records' own time.
-- returns: boolean
-- raises: key is not a string
-- cost: 40 ns for what was seen, 500 ns for what is new
-- example:
--   local seen = require("mirror.window").seen { age_ms = 60000 }
--   assert(not seen:check("a") and seen:check("a") and not seen:check("b"))
-- record:
--   local seen = require("mirror.window").seen { age_ms = 60000 }
--   assert(not seen:check(r.key, r) and not seen:check(r.key, r))
--   assert(seen:check(r.key))
function Seen:check(key, r, now_ms)
  want("string", key, "key")
  local now = now_ms or clock()
  while self.first <= self.last and self.times[(self.first - 1) % self.most + 1] <= now - self.age do forget_first(self) end
  local at = self.slot_of[key]
  if at then
    local slot = (at - 1) % self.most + 1
    if self.times[slot] > now - self.age then return not is_same(self, slot, r) end
  end
  if self.last - self.first + 1 == self.most then forget_first(self) end
  remember(self, key, r, now)
  return false
end

--- seen:count(): how many are remembered, those whose time is over since the last check included.
-- phase: any
-- returns: number
-- raises: nothing
-- cost: 2 ns
-- example:
--   local seen = require("mirror.window").seen { age_ms = 1000 }
--   seen:check("a")
--   assert(seen:count() == 1)
function Seen:count()
  return self.last - self.first + 1
end

--- seen:save(): what is remembered as plain data, for close() to return; seen:load(saved) remembers it again in the next
-- generation's init(ctx), with ctx.saved.
-- phase: any
-- saved: what save gave; nil is nothing
-- returns: save: a table; load: nothing
-- raises: saved is not a table
-- cost: 1 microsecond an entry
-- example:
--   local window = require "mirror.window"
--   local before, now = window.seen { age_ms = 1000 }, window.seen { age_ms = 1000 }
--   before:check("a", nil, 0)
--   now:load(before:save())
--   assert(now:check("a", nil, 500) and not now:check("a", nil, 1000))
function Seen:save()
  local out, n = {}, 0
  for i = self.first, self.last do
    local slot = (i - 1) % self.most + 1
    local topic = self.topics[slot]
    out[n + 1], out[n + 2], out[n + 3] = self.keys[slot], self.times[slot], topic
    out[n + 4], out[n + 5] = topic and self.partitions[slot], topic and self.offsets[slot]
    n = n + 5
  end
  return out
end

function Seen:load(saved)
  if saved == nil then return end
  want("table", saved, "saved")
  for i = 1, #saved, 5 do
    if self.last - self.first + 1 == self.most then forget_first(self) end
    local topic = saved[i + 2]
    remember(self, saved[i], topic and { source_topic = topic, source_partition = saved[i + 3], offset = saved[i + 4] }, saved[i + 1])
  end
end

--- window.count{ every_ms = number, entries = number }: sums for keys over spans of time that follow each other; all begin at 0 with
-- each span. Spans begin at multiples of every_ms since 1970.
-- phase: any; best while the script is loaded
-- every_ms: the span's length in milliseconds
-- entries: at most so many keys in a span; 10000 when absent
-- returns: the sums
-- raises: a number is missing or out of range
-- cost: 1 microsecond
-- example:
--   local sums = require("mirror.window").count { every_ms = 1000 }
--   assert(sums:add("a", 1, 0) == 1 and sums:add("a", 1, 999) == 2 and sums:add("a", 1, 1000) == 1)
function M.count(options)
  want("table", options, "options")
  seat.check_options(options, { every_ms = true, entries = true })
  return setmetatable({
    every = whole(options, "every_ms"), most = whole(options, "entries", 10000),
    sums = {}, keys = 0, start = -math.huge,
  }, Count)
end

--- sums:add(key[, n[, now_ms]]): adds to a key's sum of the span. A time before the span counts for the span that runs.
-- phase: any
-- key: string
-- n: number; 1 when absent
-- now_ms: number, the time to go by; the clock's when absent
-- returns: number, the sum
-- raises: a wrong type; more keys than entries
-- cost: 30 ns
-- example:
--   local per_minute = require("mirror.window").count { every_ms = 60000 }
--   local is_too_much = per_minute:add("tenant") > 1000
--   assert(not is_too_much)
function Count:add(key, n, now_ms)
  want("string", key, "key")
  local now = now_ms or clock()
  if now >= self.start + self.every then
    self.sums, self.keys, self.start = {}, 0, now - now % self.every
  end
  local sum = self.sums[key]
  if not sum then
    if self.keys == self.most then error("more than " .. self.most .. " keys in a span; give the window more entries", 2) end
    self.keys, sum = self.keys + 1, 0
  end
  sum = sum + (n or 1)
  self.sums[key] = sum
  return sum
end

return M
