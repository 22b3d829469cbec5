-- Windows: what was seen lately, by this stream.
local private = ...
local check = private.check
local window = {}

local Seen = {}
Seen.__index = Seen

-- Has the id been seen within the window? Remembers it. Two halves take turns: an id is kept for at least age_ms and at most twice that,
-- and at least `most` ids are kept.
function Seen:check(id)
  check("an id", id, "string")
  local now = self.now()
  if now - self.began >= self.age_ms or self.count >= self.most then
    self.old, self.young, self.count, self.began = self.young, {}, 0, now
  end
  if self.young[id] then return true end
  local was = self.old[id] ~= nil and now - self.old[id] < self.age_ms
  self.young[id] = now
  self.count = self.count + 1
  return was
end

-- What a successor needs to go on: plain data, for close() to return.
function Seen:save() return { old = self.old, young = self.young, count = self.count, began = self.began } end

-- window.seen{ age_ms = , most = , saved = }
function window.seen(options)
  check("options", options, "table")
  local mirror, saved = private.require "mirror", options.saved or {}
  return setmetatable({
    age_ms = check("age_ms", options.age_ms, "number"),
    most = options.most or 100000,
    now = mirror.now_ms,
    old = saved.old or {},
    young = saved.young or {},
    count = saved.count or 0,
    began = saved.began or mirror.now_ms(),
  }, Seen)
end

local Rate = {}
Rate.__index = Rate

-- May one more pass? No more than `most` in each `ms`.
function Rate:allows()
  local now = self.now()
  if now - self.began >= self.ms then self.began, self.count = now, 0 end
  self.count = self.count + 1
  return self.count <= self.most
end

-- window.rate{ most = , ms = }
function window.rate(options)
  check("options", options, "table")
  local now = private.require("mirror").now_ms
  return setmetatable({
    most = check("most", options.most, "number"),
    ms = check("ms", options.ms, "number"),
    now = now,
    began = now(),
    count = 0,
  }, Rate)
end

return window
