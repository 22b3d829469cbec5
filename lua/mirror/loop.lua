-- The record as a script sees it, and the loop that runs a script's record hook over a batch. Internal: scripts do not require it.
-- Called with `private`: ffi, calls (struct script_calls *), script (struct script *), batch (struct script_batch *), null, emit_limit,
-- allows_ffi, nearest, raise, on_error, fail, relieve. Gives the maker of the function that C calls once a batch.
--
-- All of this is compiled into the loop's trace, so: no table, closure or string for a record that the script did not ask for, no
-- `pairs` but in emit, and what cannot change in local variables, which LuaJIT then takes for constants.
local private = ...
local ffi, bit = private.ffi, require "bit"
local calls, script, batch, null = private.calls, private.script, private.batch, private.null
local raise, nearest, fail = private.raise, private.nearest, private.fail
local bor, band = bit.bor, bit.band
local type, tostring, pairs, xpcall = type, tostring, pairs, xpcall
local to_string, new, copy = ffi.string, ffi.new, ffi.copy

local KEEP, DROP, DEAD_LETTER, RETRY = ffi.C.SCRIPT_KEEP, ffi.C.SCRIPT_DROP, ffi.C.SCRIPT_DEAD_LETTER, ffi.C.SCRIPT_RETRY
local KEY, VALUE, TIMESTAMP = ffi.C.SCRIPT_CHANGED_KEY, ffi.C.SCRIPT_CHANGED_VALUE, ffi.C.SCRIPT_CHANGED_TIMESTAMP
local HEADERS, TOPIC, PARTITION = ffi.C.SCRIPT_CHANGED_HEADERS, ffi.C.SCRIPT_CHANGED_TOPIC, ffi.C.SCRIPT_CHANGED_PARTITION
local TIMESTAMP_TYPES = { [0] = "none", "create", "append" }
local RECORD_SIZE = ffi.sizeof "struct script_record"
local NO_MEMORY = "not enough memory" -- what LuaJIT raises

local view, headers_view = batch._view, batch._headers
local header = new "struct script_header"
-- An emit being made; the batch gets it when it is complete.
local draft, blank = new "struct script_emit", new("struct script_emit", { _partition = -1, _header_list = -1, _next = -1 })
local EMIT_SIZE = ffi.sizeof "struct script_emit"

-- Strings whose bytes the batch points to: alive until the next one.
local anchors, anchored = {}, 0 -- luacheck: ignore 241 (only the collector reads it)

local function anchor(s)
  anchored = anchored + 1
  anchors[anchored] = s
end

local function release_anchors()
  for i = 1, anchored do anchors[i] = nil end
  anchored = 0
end

-- Names of topics by handle and handles by name, as far as they were asked for.
local names, handles = {}, {}

local function name_of(handle)
  local name = names[handle]
  if not name then
    name = to_string(calls.topic_name(script, handle))
    names[handle] = name
  end
  return name
end

local function intern(name)
  local handle = calls.intern(script, name, #name)
  if handle == -1 then
    raise("'" .. name .. "' cannot be a topic's name: Kafka takes 1 to 249 letters, digits, dots, dashes and underscores")
  elseif handle == -2 then
    raise("the script has named 10000 topics, and '" .. name .. "' is one more: names must come from a bounded set")
  end
  handles[name] = handle
  return handle
end

-- A topic given as a string, or as what mirror.topic gave.
local function handle_of(topic)
  if type(topic) == "string" then return handles[topic] or intern(topic) end
  if type(topic) == "cdata" and ffi.istype("struct script_topic_handle", topic) then return topic._handle end
  raise("a topic is a string or what mirror.topic() gives, not a " .. type(topic))
end

ffi.metatype("struct script_topic_handle", {
  __tostring = function(handle) return name_of(handle._handle) end,
  __index = function(handle, field)
    if field == "name" then return name_of(handle._handle) end
    raise("a topic's handle has no field '" .. tostring(field) .. "'")
  end,
})

-- The record that v, which is r, stands for now. call: the method that was called, as it is to be written.
local function live(v, call)
  if type(v) ~= "cdata" then raise("write " .. call .. "(...), with a colon") end
  local r = v._r
  if r == nil then raise "the record may be used only while its record() runs: keep what you need of it, not r itself" end
  return r
end

-- The record whose headers h, which is r.headers, stands for: the one that is there now, also where a script has kept h.
local function live_of_headers(h, call)
  if type(h) ~= "cdata" then raise("write " .. call .. "(...), with a colon") end
  return live(view)
end

-- Before the first change: what the record is again when its hook fails.
local function touch(r, change)
  local changes = r._changes
  if changes == 0 then copy(batch._original, r, RECORD_SIZE) end
  r._changes = bor(changes, change)
end

local function is_null(v) return v == nil or v == null end

local function check_text(what, v)
  if type(v) ~= "string" then raise(what .. " must be a string or nil, not a " .. type(v)) end
end

local function check_partition(v)
  if type(v) ~= "number" or not (v >= 0 and v <= 2147483647 and v % 1 == 0) then
    raise("a partition is a whole number from 0 on, or nil, not " .. tostring(v))
  end
end

local function check_timestamp(v)
  if type(v) ~= "number" or not (v >= 0 and v < 2 ^ 53) then
    raise("a timestamp is milliseconds since 1970, or nil, not " .. tostring(v))
  end
end

local readers = {
  source_topic = function() return name_of(batch._source_topic) end,
  source_partition = function() return batch._source_partition end,
  offset = function(r) return r._offset end,
  topic = function(r)
    local handle = r._topic
    return name_of(handle ~= 0 and handle or batch._target_topic)
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
  headers = function() return headers_view end,
}

local writers = {
  topic = function(r, v)
    local handle = handle_of(v)
    touch(r, TOPIC)
    r._topic = handle
  end,
  partition = function(r, v)
    if is_null(v) then v = -1 else check_partition(v) end
    touch(r, PARTITION)
    r._partition = v
  end,
  timestamp = function(r, v)
    if is_null(v) then v = -1 else check_timestamp(v) end
    touch(r, TIMESTAMP)
    r._timestamp = v - v % 1
  end,
  key = function(r, v)
    if type(v) == "string" then
      anchor(v)
      touch(r, KEY)
      r._key, r._key_size = v, #v
    else
      if not is_null(v) then check_text("a key", v) end
      touch(r, KEY)
      r._key, r._key_size = nil, 0
    end
  end,
  value = function(r, v)
    if type(v) == "string" then
      anchor(v)
      touch(r, VALUE)
      r._value, r._value_size = v, #v
    else
      if not is_null(v) then check_text("a value", v) end
      touch(r, VALUE)
      r._value, r._value_size = nil, 0
    end
  end,
}

-- Headers. -------------------------------------------------------------------------------------------------------------------

local function check_name(name)
  if type(name) ~= "string" or name == "" or name:find("\0", 1, true) then
    raise("a header's name is a string of one byte or more and without zero bytes, not "
      .. (type(name) == "string" and "this one" or "a " .. type(name)))
  end
end

-- Before a list is made or changed: a script may catch what is raised, and go on.
local function check_header(name, value)
  check_name(name)
  if not is_null(value) then check_text("a header's value", value) end
end

local function add_header(list, name, value)
  local size = 0
  anchor(name)
  if is_null(value) then
    value = nil
  else
    anchor(value)
    size = #value
  end
  if calls.header_add(script, list, name, #name, value, size) < 0 then
    raise "a record can have 10000 headers at most, and this one is to have more"
  end
end

local function check_pairs(pairs_of)
  if type(pairs_of) ~= "table" then raise("headers is a list of { name, value }, not a " .. type(pairs_of)) end
  for key in pairs(pairs_of) do
    if type(key) ~= "number" then raise("headers is a list of { name, value }, and '" .. tostring(key) .. "' is no number in a list") end
  end
  for i = 1, #pairs_of do
    local pair = pairs_of[i]
    if type(pair) ~= "table" then raise("headers is a list of { name, value }, and the " .. i .. ". is a " .. type(pair)) end
    check_header(pair[1], pair[2])
  end
end

local function value_of_header()
  if header._value ~= nil then return to_string(header._value, header._value_size) end
  return null
end

local new_walk = ffi.typeof "struct script_header_walk"

-- The next header of each(): what the walk has come to is in the walk.
local function next_header(walk)
  local r = walk._r
  if view._r ~= r then raise "the record may be used only while its record() runs: keep what you need of it, not r.headers" end
  walk._i = walk._i + 1
  if calls.header_at(script, r, walk._i, header) then return to_string(header._name, header._name_size), value_of_header() end
end

local header_methods = {
  get = function(h, name)
    local r = live_of_headers(h, "r.headers:get")
    check_name(name)
    local i = calls.header_find(script, r, calls.header_count(script, r) - 1, -1, name, #name, header)
    if i >= 0 then return value_of_header() end
  end,
  all = function(h, name)
    local r, found, n = live_of_headers(h, "r.headers:all"), {}, 0
    check_name(name)
    local i = calls.header_find(script, r, 0, 1, name, #name, header)
    while i >= 0 do
      n = n + 1
      found[n] = value_of_header()
      i = calls.header_find(script, r, i + 1, 1, name, #name, header)
    end
    return found
  end,
  each = function(h)
    return next_header, new_walk(live_of_headers(h, "r.headers:each"), -1)
  end,
  add = function(h, name, value)
    local r = live_of_headers(h, "r.headers:add")
    check_header(name, value)
    add_header(calls.header_list(script, r), name, value)
  end,
  set = function(h, name, value)
    local r = live_of_headers(h, "r.headers:set")
    check_header(name, value)
    local list = calls.header_list(script, r)
    local at = calls.header_find(script, r, 0, 1, name, #name, header)
    add_header(list, name, value)
    if at >= 0 then calls.header_replace(script, list, at) end
  end,
  remove = function(h, name)
    local r = live_of_headers(h, "r.headers:remove")
    check_name(name)
    if calls.header_find(script, r, 0, 1, name, #name, header) < 0 then return 0 end
    return calls.header_remove(script, calls.header_list(script, r), name, #name)
  end,
  count = function(h) return calls.header_count(script, live_of_headers(h, "r.headers:count")) end,
}

ffi.metatype("struct script_headers_view", {
  __index = function(_, name)
    local method = header_methods[name]
    if method then return method end
    raise("r.headers has no method '" .. tostring(name) .. "'" .. nearest(name, header_methods))
  end,
  __newindex = function() raise "headers are changed with r.headers:set(name, value)" end,
})

-- Outcomes. ------------------------------------------------------------------------------------------------------------------

-- Reasons by text: most scripts have few, and give them often.
local reasons, reason_count = {}, 0
local REASONS_MOST = 1000

local function forget_reasons()
  reasons, reason_count = {}, 0
  calls.forget_texts(script)
end

local function reason_of(reason)
  if reason == nil then return -1 end
  local number = reasons[reason]
  if number then return number end
  if type(reason) ~= "string" then raise("a reason must be a string or nil, not a " .. type(reason)) end
  number = calls.text(script, reason, #reason)
  reasons[reason] = number
  reason_count = reason_count + 1
  return number
end

-- What an emit may be given; each puts its value into the emit.
local emitters = {
  topic = function(e, v)
    e._topic = handle_of(v)
    return TOPIC
  end,
  key = function(e, v)
    if v ~= null then
      check_text("a key", v)
      anchor(v)
      e._key, e._key_size = v, #v
    end
    return KEY
  end,
  value = function(e, v)
    if v ~= null then
      check_text("a value", v)
      anchor(v)
      e._value, e._value_size = v, #v
    end
    return VALUE
  end,
  partition = function(e, v)
    if v ~= null then
      check_partition(v)
      e._partition = v
    end
    return PARTITION
  end,
  timestamp = function(e, v)
    e._timestamp = -1
    if v ~= null then
      check_timestamp(v)
      e._timestamp = v - v % 1
    end
    return TIMESTAMP
  end,
  headers = function(e, v)
    check_pairs(v)
    local list = calls.header_list(script, nil)
    for i = 1, #v do add_header(list, v[i][1], v[i][2]) end
    e._header_list = list
    return HEADERS
  end,
}

local function check_bytes_call(method)
  if not private.allows_ffi then raise("r:" .. method .. "() is for scripts with script.libs = ffi") end
end

local function check_matcher(re, method)
  if type(re) ~= "table" or not re.match_bytes then
    raise("r:" .. method .. "() takes what mirror.regex() or mirror.patterns() gives, not a " .. type(re))
  end
end

local function starts_with(bytes, size, prefix)
  return bytes ~= nil and size >= #prefix and calls.same(bytes, prefix, #prefix)
end

local methods = {
  key_has_prefix = function(v, prefix)
    local r = live(v, "r:key_has_prefix")
    if type(prefix) ~= "string" then raise("a prefix must be a string, not a " .. type(prefix)) end
    return starts_with(r._key, r._key_size, prefix)
  end,
  key_equals = function(v, key)
    local r = live(v, "r:key_equals")
    if is_null(key) then return r._key == nil end
    check_text("a key", key)
    return r._key_size == #key and starts_with(r._key, r._key_size, key)
  end,
  key_matches = function(v, re)
    local r = live(v, "r:key_matches")
    check_matcher(re, "key_matches")
    return r._key ~= nil and re:match_bytes(r._key, r._key_size)
  end,
  value_contains = function(v, text)
    local r = live(v, "r:value_contains")
    if type(text) ~= "string" then raise("a text must be a string, not a " .. type(text)) end
    return r._value ~= nil and calls.contains(r._value, r._value_size, text, #text)
  end,
  value_matches = function(v, re)
    local r = live(v, "r:value_matches")
    check_matcher(re, "value_matches")
    return r._value ~= nil and re:match_bytes(r._value, r._value_size)
  end,
  key_partition = function(v, count)
    local r = live(v, "r:key_partition")
    if type(count) ~= "number" or not (count >= 1 and count <= 2147483647 and count % 1 == 0) then
      raise("key_partition takes the number of partitions, a whole number from 1 on, not " .. tostring(count))
    end
    if r._key == nil then return nil end
    return band(calls.murmur2(r._key, r._key_size), 0x7fffffff) % count
  end,
  key_ptr = function(v)
    local r = live(v, "r:key_ptr")
    check_bytes_call "key_ptr"
    return r._key, r._key_size
  end,
  value_ptr = function(v)
    local r = live(v, "r:value_ptr")
    check_bytes_call "value_ptr"
    return r._value, r._value_size
  end,
  drop = function(v, reason)
    local r = live(v, "r:drop")
    r._reason = reason_of(reason)
    r._outcome = DROP
    return false
  end,
  dead_letter = function(v, reason)
    local r = live(v, "r:dead_letter")
    r._reason = reason_of(reason)
    r._outcome = DEAD_LETTER
    return false
  end,
  retry = function(v, ms)
    local r = live(v, "r:retry")
    if type(ms) ~= "number" or not (ms >= 1 and ms <= 86400000) then
      raise("r:retry takes milliseconds from 1 to a day, not " .. tostring(ms))
    end
    r._outcome, r._wait_ms = RETRY, ms
    return false
  end,
  emit = function(v, fields)
    local r = live(v, "r:emit")
    if type(fields) ~= "table" then raise("r:emit takes a table, not a " .. type(fields)) end
    if r._emits >= private.emit_limit then
      raise("the record has emitted " .. private.emit_limit .. " outputs; script.emit.limit allows no more")
    end
    local changes = 0
    copy(draft, blank, EMIT_SIZE)
    for name, value in pairs(fields) do
      local put = emitters[name]
      if not put then raise("r:emit has no field '" .. tostring(name) .. "'" .. nearest(name, emitters)) end
      changes = bor(changes, put(draft, value))
    end
    draft._changes = changes
    local i = calls.emit(script, r)
    copy(batch._emit + i, draft, EMIT_SIZE)
  end,
}

ffi.metatype("struct script_view", {
  __index = function(v, name)
    local method = methods[name]
    if method then return method end
    local read = readers[name]
    if read then return read(live(v)) end
    raise("a record has no field '" .. tostring(name) .. "'" .. nearest(name, readers, methods))
  end,
  __newindex = function(v, name, value)
    local write = writers[name]
    if write then return write(live(v), value) end
    if readers[name] then raise("r." .. name .. " cannot be changed") end
    raise("a record has no field '" .. tostring(name) .. "'" .. nearest(name, writers))
  end,
  __tostring = function(v)
    if v._r == nil then return "record" end
    return ("record %s[%d]@%.0f"):format(name_of(batch._source_topic), batch._source_partition, v._r._offset)
  end,
})

-- What the mirror library is given to look into a record without making strings.
local function record_of(v)
  if type(v) ~= "cdata" then raise("a record or a string is to be given, not a " .. type(v)) end
  return live(v)
end

function private.value_of(v)
  local r = record_of(v)
  return r._value, r._value_size
end

function private.key_of(v)
  local r = record_of(v)
  return r._key, r._key_size
end

function private.is_record(v)
  return type(v) == "cdata" and ffi.istype("struct script_view", v)
end

function private.topic(name)
  if type(name) ~= "string" then raise("a topic's name must be a string, not a " .. type(name)) end
  return new("struct script_topic_handle", handle_of(name))
end

function private.partitions(topic)
  if type(topic) == "cdata" then topic = topic.name end
  if type(topic) ~= "string" then raise("a topic's name must be a string, not a " .. type(topic)) end
  local count = calls.partitions(script, topic)
  if count > 0 then return count end
end

-- The loop. ------------------------------------------------------------------------------------------------------------------

-- Makes the function that C calls: runs the hook over records _first to _count - 1.
return function(record)
  local records, on_error = batch._records, private.on_error

  -- Also where a script, or the library for it, has caught it and raised it again with a place.
  local function is_no_memory(result)
    return type(result) == "string" and result:find(NO_MEMORY, 1, true) ~= nil
  end

  -- Garbage may be what there was no room for: the record gets one more try without it.
  local function again(i)
    private.relieve() -- first: a call through FFI may want memory, too
    calls.renew(script, i)
    return xpcall(record, on_error, view)
  end

  -- The hook raised, or returned something. True: the batch must end before this record, since what those before it have put away
  -- leaves no room for it.
  local function settle(r, i, ok, result)
    if not ok and is_no_memory(result) then
      ok, result = again(i)
      if not ok and is_no_memory(result) then
        private.relieve()
        calls.renew(script, i)
        if i > 0 then return true end
        result = private.name .. ": not enough memory: the record takes more than script.memory.limit allows"
      end
    end
    if not ok then
      result = tostring(result)
      -- On a full stack there is no room for on_error.
      if not result:find(":", 1, true) then result = private.name .. ": " .. result end
      fail(i, result)
    elseif result == false then
      if r._outcome == KEEP then r._outcome = DROP end
    elseif result ~= nil and result ~= true then
      fail(i, private.place_of(record) .. ": record() must return true, false or nothing, not a " .. type(result))
    end
  end

  return function()
    local stops = batch._stops_on_error ~= 0
    local first, last = batch._first, batch._count - 1
    if first == 0 then
      release_anchors()
      if reason_count > REASONS_MOST then forget_reasons() end
    end
    for i = first, last do
      local r = records + i
      batch._at = i
      view._r = r
      local ok, result = xpcall(record, on_error, view)
      if (not ok or result ~= nil) and settle(r, i, ok, result) then
        last = i - 1
        break
      end
      local outcome = r._outcome
      if outcome >= RETRY and (outcome == RETRY or stops) then
        last = i
        break
      end
    end
    batch._done = last + 1
    view._r = nil
  end
end
