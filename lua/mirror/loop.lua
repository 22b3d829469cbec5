-- The record as a script sees it, and the loop that runs a script's record hook over a batch. Internal: scripts do not require it.
-- Called with `private`: ffi, calls (struct script_calls *), script (struct script *), batch (struct script_batch *), null, emit_limit,
-- allows_ffi, nearest, murmur2. Gives run(record), which makes the function that C calls once a batch.
local private = ...
local ffi, bit = private.ffi, require "bit"
local calls, script, batch, null = private.calls, private.script, private.batch, private.null
local bor, band = bit.bor, bit.band
local type, error, tostring, rawequal = type, error, tostring, rawequal
local to_string, new = ffi.string, ffi.new

local KEEP, DROP, DEAD_LETTER, RETRY = 0, 1, 2, 3
local KEY, VALUE, TIMESTAMP, HEADERS, TOPIC, PARTITION = 1, 2, 4, 8, 16, 32
local TIMESTAMP_TYPES = { [0] = "none", "create", "append" }

local view = new "struct script_view"
local headers_view = new "struct script_headers_view"
local header = new "struct script_header"
local keys, values = {}, {} -- strings that a script has assigned: alive until the next batch, by the record's place in its batch
local at = 0

-- Names of topics by handle and handles by name, as far as they were asked for.
local names = setmetatable({}, { __index = function(names, handle)
  local name = to_string(calls.topic_name(script, handle))
  names[handle] = name
  return name
end })

local function intern(name, level)
  local handle = calls.intern(script, name, #name)
  if handle == -1 then
    error("'" .. name .. "' cannot be a topic's name: Kafka takes 1 to 249 letters, digits, dots, dashes and underscores", level + 1)
  elseif handle == -2 then
    error("the script has named 10000 topics, and '" .. name .. "' is one more: names must come from a bounded set", level + 1)
  end
  return handle
end

local handles = {}

-- A topic given as a string, or as what mirror.topic gave.
local function handle_of(topic, level)
  if type(topic) == "string" then
    local handle = handles[topic]
    if not handle then
      handle = intern(topic, level + 1)
      handles[topic] = handle
    end
    return handle
  end
  if type(topic) == "cdata" and ffi.istype("struct script_topic_handle", topic) then return topic._handle end
  error("a topic is a string or what mirror.topic() gives, not a " .. type(topic), level + 1)
end

ffi.metatype("struct script_topic_handle", {
  __tostring = function(handle) return names[handle._handle] end,
  __index = function(handle, field)
    if field == "name" then return names[handle._handle] end
    error("a topic's handle has no field '" .. tostring(field) .. "'", 2)
  end,
})

local function live(v)
  local r = v._r
  if r == nil then error("the record may be used only while its record() runs: keep what you need of it, not r itself", 3) end
  return r
end

local function check_text(what, v, level)
  if type(v) ~= "string" then error(what .. " must be a string or nil, not a " .. type(v), level + 1) end
end

local function check_partition(v, level)
  if type(v) ~= "number" or v < 0 or v > 2147483647 or v % 1 ~= 0 then
    error("a partition is a whole number from 0 on, or nil, not " .. tostring(v), level + 1)
  end
end

local function check_timestamp(v, level)
  if type(v) ~= "number" or v < 0 or v ~= v or v >= 2 ^ 53 then
    error("a timestamp is milliseconds since 1970, or nil, not " .. tostring(v), level + 1)
  end
end

local readers = {
  source_topic = function() return names[batch._source_topic] end,
  source_partition = function() return batch._source_partition end,
  offset = function(r) return r._offset end,
  topic = function(r)
    local handle = r._topic
    return names[handle ~= 0 and handle or batch._target_topic]
  end,
  partition = function(r)
    local partition = r._partition
    if partition >= 0 then return partition end
  end,
  timestamp = function(r)
    local timestamp = r._timestamp
    if timestamp >= 0 then return timestamp end
  end,
  timestamp_type = function(r) return TIMESTAMP_TYPES[r._timestamp_type] end,
  key = function(r)
    local key = r._key
    if key ~= nil then return to_string(key, r._key_size) end
  end,
  value = function(r)
    local value = r._value
    if value ~= nil then return to_string(value, r._value_size) end
  end,
  key_size = function(r) if r._key ~= nil then return r._key_size end end,
  value_size = function(r) if r._value ~= nil then return r._value_size end end,
  tombstone = function(r) return r._value == nil end,
  headers = function(r)
    headers_view._r = r
    return headers_view
  end,
}

local writers = {
  topic = function(r, v)
    r._topic = handle_of(v, 3)
    r._changes = bor(r._changes, TOPIC)
  end,
  partition = function(r, v)
    if v == nil then
      r._partition = -1
    else
      check_partition(v, 3)
      r._partition = v
    end
    r._changes = bor(r._changes, PARTITION)
  end,
  timestamp = function(r, v)
    if v == nil then
      r._timestamp = -1
    else
      check_timestamp(v, 3)
      r._timestamp = v
    end
    r._changes = bor(r._changes, TIMESTAMP)
  end,
  key = function(r, v)
    if v == nil or rawequal(v, null) then
      r._key, r._key_size = nil, 0
    else
      check_text("a key", v, 3)
      keys[at] = v
      r._key, r._key_size = v, #v
    end
    r._changes = bor(r._changes, KEY)
  end,
  value = function(r, v)
    if v == nil or rawequal(v, null) then
      r._value, r._value_size = nil, 0
    else
      check_text("a value", v, 3)
      values[at] = v
      r._value, r._value_size = v, #v
    end
    r._changes = bor(r._changes, VALUE)
  end,
}

local function starts_with(bytes, size, prefix)
  if bytes == nil or size < #prefix then return false end
  return calls.same(bytes, prefix, #prefix)
end

-- The reason of a drop or a dead letter.
local function set_reason(r, reason)
  if reason == nil then return end
  reason = tostring(reason)
  r._reason = calls.text(script, reason, #reason)
end

local function add_headers(list, headers, level)
  if type(headers) ~= "table" then error("headers is a list of { name, value }, not a " .. type(headers), level + 1) end
  for i = 1, #headers do
    local pair = headers[i]
    if type(pair) ~= "table" or type(pair[1]) ~= "string" then
      error("headers is a list of { name, value }, and the " .. i .. ". is none", level + 1)
    end
    local name, value = pair[1], pair[2]
    if value == nil or rawequal(value, null) then
      calls.header_add(script, list, name, #name, nil, 0)
    else
      check_text("a header's value", value, level + 1)
      calls.header_add(script, list, name, #name, value, #value)
    end
  end
end

-- What an emit may be given; each puts its value into the emit.
local emitters = {
  topic = function(e, v) e._topic = handle_of(v, 4) return TOPIC end,
  key = function(e, v)
    if not rawequal(v, null) then
      check_text("a key", v, 4)
      e._key, e._key_size = calls.copy(script, v, #v), #v
    end
    return KEY
  end,
  value = function(e, v)
    if not rawequal(v, null) then
      check_text("a value", v, 4)
      e._value, e._value_size = calls.copy(script, v, #v), #v
    end
    return VALUE
  end,
  partition = function(e, v)
    if not rawequal(v, null) then
      check_partition(v, 4)
      e._partition = v
    end
    return PARTITION
  end,
  timestamp = function(e, v)
    e._timestamp = -1
    if not rawequal(v, null) then
      check_timestamp(v, 4)
      e._timestamp = v
    end
    return TIMESTAMP
  end,
  headers = function(e, v)
    local list = calls.header_list(script, nil)
    add_headers(list, v, 4)
    e._header_list = list
    return HEADERS
  end,
}

local methods
methods = {
  key_has_prefix = function(v, prefix)
    local r = live(v)
    check_text("a prefix", prefix, 2)
    return starts_with(r._key, r._key_size, prefix)
  end,
  key_equals = function(v, key)
    local r = live(v)
    if key == nil or rawequal(key, null) then return r._key == nil end
    check_text("a key", key, 2)
    return r._key_size == #key and starts_with(r._key, r._key_size, key)
  end,
  key_matches = function(v, re)
    local r = live(v)
    return r._key ~= nil and re:match_bytes(r._key, r._key_size)
  end,
  value_contains = function(v, text)
    local r = live(v)
    check_text("a text", text, 2)
    return r._value ~= nil and calls.contains(r._value, r._value_size, text, #text)
  end,
  value_matches = function(v, re)
    local r = live(v)
    return r._value ~= nil and re:match_bytes(r._value, r._value_size)
  end,
  key_partition = function(v, count)
    local r = live(v)
    if type(count) ~= "number" or count < 1 then error("key_partition takes the number of partitions, not " .. tostring(count), 2) end
    if r._key == nil then return nil end
    return band(calls.murmur2(r._key, r._key_size), 0x7fffffff) % count
  end,
  key_ptr = function(v)
    local r = live(v)
    if not private.allows_ffi then error("r:key_ptr() needs script.libs = ffi", 2) end
    return r._key, r._key_size
  end,
  value_ptr = function(v)
    local r = live(v)
    if not private.allows_ffi then error("r:value_ptr() needs script.libs = ffi", 2) end
    return r._value, r._value_size
  end,
  drop = function(v, reason)
    local r = live(v)
    r._outcome = DROP
    set_reason(r, reason)
  end,
  dead_letter = function(v, reason)
    local r = live(v)
    r._outcome = DEAD_LETTER
    set_reason(r, reason)
  end,
  retry = function(v, ms)
    local r = live(v)
    if type(ms) ~= "number" or not (ms >= 1 and ms <= 86400000) then
      error("r:retry takes milliseconds from 1 to a day, not " .. tostring(ms), 2)
    end
    r._outcome, r._wait_ms = RETRY, ms
  end,
  emit = function(v, fields)
    local r = live(v)
    if type(fields) ~= "table" then error("r:emit takes a table, not a " .. type(fields), 2) end
    if r._emits >= private.emit_limit then
      error("the record has emitted " .. private.emit_limit .. " outputs; script.emit.limit allows no more", 2)
    end
    for name in pairs(fields) do
      if not emitters[name] then
        error("r:emit has no field '" .. tostring(name) .. "'" .. private.nearest(name, emitters), 2)
      end
    end
    local i, changes = calls.emit(script, r), 0
    for name, value in pairs(fields) do
      changes = bor(changes, emitters[name](batch._emit + i, value))
    end
    (batch._emit + i)._changes = changes
  end,
}

local header_methods = {}

-- The record of r.headers.
local function live_headers(h)
  local r = h._r
  if r == nil then error("the record may be used only while its record() runs: keep what you need of it, not r.headers", 3) end
  return r
end

local function value_of_header()
  if header._value ~= nil then return to_string(header._value, header._value_size) end
  return null
end

local function check_name(name, level)
  if type(name) ~= "string" then error("a header's name is a string, not a " .. type(name), level + 1) end
end

function header_methods.get(h, name)
  local r = live_headers(h)
  check_name(name, 2)
  local i = calls.header_find(script, r, calls.header_count(script, r) - 1, -1, name, #name, header)
  if i >= 0 then return value_of_header() end
end

function header_methods.all(h, name)
  local r, found = live_headers(h), {}
  check_name(name, 2)
  local i = calls.header_find(script, r, 0, 1, name, #name, header)
  while i >= 0 do
    found[#found + 1] = value_of_header()
    i = calls.header_find(script, r, i + 1, 1, name, #name, header)
  end
  return found
end

function header_methods.each(h)
  local r, i = live_headers(h), -1
  return function()
    if h._r ~= r then live_headers(h) end
    i = i + 1
    if calls.header_at(script, r, i, header) then return to_string(header._name, header._name_size), value_of_header() end
  end
end

local function add(r, name, value)
  if value == nil or rawequal(value, null) then
    calls.header_add(script, calls.header_list(script, r), name, #name, nil, 0)
  else
    check_text("a header's value", value, 3)
    calls.header_add(script, calls.header_list(script, r), name, #name, value, #value)
  end
end

function header_methods.add(h, name, value)
  local r = live_headers(h)
  check_name(name, 2)
  add(r, name, value)
end

function header_methods.set(h, name, value)
  local r = live_headers(h)
  check_name(name, 2)
  calls.header_remove(script, calls.header_list(script, r), name, #name)
  add(r, name, value)
end

function header_methods.remove(h, name)
  local r = live_headers(h)
  check_name(name, 2)
  if calls.header_find(script, r, 0, 1, name, #name, header) < 0 then return 0 end
  return calls.header_remove(script, calls.header_list(script, r), name, #name)
end

function header_methods.count(h)
  return calls.header_count(script, live_headers(h))
end

ffi.metatype("struct script_headers_view", {
  __index = function(_, name)
    local method = header_methods[name]
    if method then return method end
    error("r.headers has no method '" .. tostring(name) .. "'" .. private.nearest(name, header_methods), 2)
  end,
  __newindex = function() error("headers are changed with r.headers:set(name, value)", 2) end,
})

ffi.metatype("struct script_view", {
  __index = function(v, name)
    local method = methods[name]
    if method then return method end
    local read = readers[name]
    if read then return read(live(v)) end
    error("a record has no field '" .. tostring(name) .. "'" .. private.nearest(name, readers, methods), 2)
  end,
  __newindex = function(v, name, value)
    local write = writers[name]
    if write then return write(live(v), value) end
    if readers[name] then error("r." .. name .. " cannot be changed", 2) end
    error("a record has no field '" .. tostring(name) .. "'" .. private.nearest(name, writers), 2)
  end,
})

-- What the mirror library is given to look into a record without making strings.
function private.value_of(v)
  local r = live(v)
  return r._value, r._value_size
end

function private.key_of(v)
  local r = live(v)
  return r._key, r._key_size
end

function private.is_record(v)
  return type(v) == "cdata" and ffi.istype("struct script_view", v)
end

function private.topic(name)
  check_text("a topic's name", name, 2)
  return new("struct script_topic_handle", handle_of(name, 2))
end

function private.partitions(topic)
  if type(topic) == "cdata" then topic = topic.name end
  check_text("a topic's name", topic, 2)
  local count = calls.partitions(script, topic)
  if count > 0 then return count end
end

local fail_index = private.fail -- fail(i, text): C keeps the reason

local traceback = debug.traceback

local function on_error(e)
  if type(e) ~= "string" then e = tostring(e) end
  return e .. "\n" .. traceback("", 2)
end

-- Makes the function that C calls: runs the hook over records _first to _count - 1.
return function(record)
  local records = batch._records

  local function take(r, i, ok, result)
    if not ok then
      -- LuaJIT does not collect before it gives up.
      if result == "not enough memory" then collectgarbage() end
      fail_index(i, tostring(result))
    elseif result == false then
      if r._outcome == KEEP then r._outcome = DROP end
    elseif result ~= nil and result ~= true then
      fail_index(i, private.name .. ": record() must return true, false or nothing, not a " .. type(result))
    end
  end

  return function()
    local stops = batch._stops_on_error ~= 0
    local last = batch._count - 1
    for i = batch._first, last do
      local r = records + i
      at = i
      batch._at = i
      view._r = r
      local ok, result = xpcall(record, on_error, view)
      if not ok or result ~= nil then take(r, i, ok, result) end
      local outcome = r._outcome
      if outcome >= RETRY and (outcome == RETRY or stops) then
        last = i
        break
      end
    end
    batch._done = last + 1
    view._r = nil
    headers_view._r = nil
  end
end
