-- The library that scripts use: local mirror = require "mirror". Its reference is lua/README.md.
local private = ...
local ffi, library, script, null = private.ffi, private.library, private.script, private.null
local to_string = ffi.string
local type, error, tostring, tonumber = type, error, tostring, tonumber

local mirror = {
  null = null,
  args = private.args,
  stream = private.stream >= 0 and private.stream or nil,
  streams = private.streams,
  topic = private.topic,
  partitions = private.partitions,
}

local function check(what, v, kind, level)
  if type(v) ~= kind then error(what .. " must be a " .. kind .. ", not a " .. type(v), (level or 2) + 1) end
  return v
end
private.check = check

-- Parameters: script.param.NAME. ---------------------------------------------------------------------------------------------

local param_methods = {}

local function given(params, name, default)
  local text = rawget(params, name)
  if text == nil and default == nil then error("the parameter '" .. name .. "' is missing: write script.param." .. name .. "=VALUE", 3) end
  return text
end

function param_methods.number(params, name, default)
  local text = given(params, name, default)
  if text == nil then return default end
  return tonumber(text) or error("script.param." .. name .. ": '" .. text .. "' is no number", 2)
end

local booleans = { ["true"] = true, yes = true, on = true, ["1"] = true, ["false"] = false, no = false, off = false, ["0"] = false }

function param_methods.bool(params, name, default)
  local text = given(params, name, default)
  if text == nil then return default end
  local value = booleans[text:lower()]
  if value == nil then error("script.param." .. name .. ": '" .. text .. "' is neither true nor false", 2) end
  return value
end

function param_methods.text(params, name, default)
  local text = given(params, name, default)
  if text == nil then return default end
  return text
end

function param_methods.list(params, name, default)
  local text, list = given(params, name, default), {}
  if text == nil then return default end
  for item in text:gmatch "[^,]+" do
    item = item:match "^%s*(.-)%s*$"
    if item ~= "" then list[#list + 1] = item end
  end
  return list
end

mirror.param = setmetatable(private.params, { __index = param_methods })

-- Time and hashes. -----------------------------------------------------------------------------------------------------------

local clock = library.now_ms

local mocks = private.mocks or {}

function mirror.now_ms() return mocks.now or clock() end

function mirror.murmur2(s) return library.murmur2(check("what is hashed", s, "string"), #s) end
function mirror.crc32(s) return library.crc32(check("what is hashed", s, "string"), #s) end
function mirror.fnv1a(s) return library.fnv1a(check("what is hashed", s, "string"), #s) end

-- The same arithmetic as Java's default partitioner.
function mirror.key_partition(key, count)
  return require "bit".band(mirror.murmur2(key), 0x7fffffff) % check("the number of partitions", count, "number")
end

local digits = ffi.new "char[65]"

function mirror.hex(s)
  return (check("what is written in hex", s, "string"):gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

function mirror.unhex(s)
  if #check("hex", s, "string") % 2 ~= 0 or s:find "%X" then return nil, "not hex" end
  return (s:gsub("..", function(pair) return string.char(tonumber(pair, 16)) end))
end

function mirror.xxhash(s)
  local hash = library.xxhash(check("what is hashed", s, "string"), #s)
  return ("%08x%08x"):format(tonumber(hash / 4294967296ULL), tonumber(hash % 4294967296ULL))
end

function mirror.sha256(s)
  library.sha256(check("what is hashed", s, "string"), #s, ffi.cast("unsigned char *", digits))
  return to_string(digits, 32)
end

function mirror.hmac(key, s)
  check("the key", key, "string")
  library.hmac(key, #key, check("what is hashed", s, "string"), #s, ffi.cast("unsigned char *", digits))
  return to_string(digits, 32)
end

mirror.base64 = {
  encode = function(s)
    local room = ffi.new("char[?]", math.ceil(#check("what is encoded", s, "string") / 3) * 4 + 1)
    return to_string(room, library.base64_encode(s, #s, room))
  end,
  decode = function(s)
    local room = ffi.new("char[?]", #check("base64", s, "string") + 1)
    local size = library.base64_decode(s, #s, room)
    if size < 0 then return nil, "not base64" end
    return to_string(room, size)
  end,
}

-- Regular expressions. -------------------------------------------------------------------------------------------------------

local failure = ffi.new "char[512]"
local groups = ffi.new "int32_t[64]"
local Regex = {}
Regex.__index = Regex

local function run(regex, bytes, size, from)
  local count = library.regex_match(regex.code, bytes, size, from, groups)
  if count < 0 then error("matching '" .. regex.pattern .. "' takes too many steps; make it simpler", 3) end
  return count
end

function Regex:match_bytes(bytes, size) return run(self, bytes, size, 0) > 0 end
function Regex:matches(s) return run(self, check("what is matched", s, "string"), #s, 0) > 0 end

local function captures(s, count)
  local found = {}
  for i = 1, math.max(count - 1, 1) do
    local g = count == 1 and 0 or i
    found[i] = groups[2 * g] >= 0 and s:sub(groups[2 * g] + 1, groups[2 * g + 1]) or false
  end
  return unpack(found, 1, math.max(count - 1, 1))
end

function Regex:match(s)
  local count = run(self, check("what is matched", s, "string"), #s, 0)
  if count > 0 then return captures(s, count) end
end

local function expand(replacement, s, count)
  return (replacement:gsub("%$(%$?)(%d?)", function(dollar, digit)
    if dollar ~= "" then return "$" .. digit end
    if digit == "" then return "$" end
    local g = tonumber(digit)
    if g >= count or groups[2 * g] < 0 then return "" end
    return s:sub(groups[2 * g] + 1, groups[2 * g + 1])
  end))
end

function Regex:replace(s, replacement)
  local out, from = {}, 0
  check("what is replaced", s, "string")
  while from <= #s do
    local count = run(self, s, #s, from)
    if count == 0 then break end
    local first, last = groups[0], groups[1]
    out[#out + 1] = s:sub(from + 1, first)
    out[#out + 1] = type(replacement) == "function" and tostring(replacement(captures(s, count)) or "")
      or expand(replacement, s, count)
    if last == first then
      out[#out + 1] = s:sub(last + 1, last + 1)
      last = last + 1
    end
    from = last
  end
  out[#out + 1] = s:sub(from + 1)
  return table.concat(out)
end

function mirror.regex(pattern, flags)
  check("a pattern", pattern, "string")
  local code = library.regex_new(pattern, #pattern, flags or "", failure, 512)
  if code == nil then error("mirror.regex: " .. to_string(failure), 2) end
  return setmetatable({ pattern = pattern, code = ffi.gc(code, library.regex_free) }, Regex)
end

-- A glob as the inside of a regular expression: * any text, ? any character, [abc] [!abc] one of these.
local function glob(pattern)
  return (pattern:gsub("%[!", "[^"):gsub("[%.%+%(%)%|%{%}%$\\]", "\\%0"):gsub("%*", ".*"):gsub("%?", "."))
end

function mirror.patterns(list)
  check("patterns", list, "table")
  if #list == 0 then error("mirror.patterns takes a list of at least one", 2) end
  local parts = {}
  for i = 1, #list do parts[i] = glob(check("a pattern", list[i], "string")) end
  return mirror.regex("\\A(?:" .. table.concat(parts, "|") .. ")\\z", "s")
end

-- Log, metrics. --------------------------------------------------------------------------------------------------------------

local sites = {}
local getinfo = debug.getinfo

-- One line a second for each place in the script.
local function logger(level)
  return function(...)
    local words = { ... }
    for i = 1, select("#", ...) do words[i] = tostring(words[i]) end
    local at = getinfo(2, "Sl")
    local place = at.short_src .. ":" .. at.currentline
    local site, now = sites[place], clock()
    if not site then
      site = { next = 0, repeated = 0 }
      sites[place] = site
    end
    if now < site.next then
      site.repeated = site.repeated + 1
      return
    end
    library.log(script, level, place .. ": " .. table.concat(words, " "), site.repeated)
    site.next, site.repeated = now + 1000, 0
  end
end

mirror.log = { debug = logger(0), info = logger(1), warn = logger(2), error = logger(3) }

local Metric = {}
Metric.__index = Metric

function Metric:inc(n)
  n = n or 1
  if n < 0 and self.kind == 0 then error("a counter only grows", 2) end
  self.cell[0] = self.cell[0] + n
end

function Metric:set(n)
  if self.kind == 0 then error("a counter cannot be set; use a gauge", 2) end
  self.cell[0] = check("a gauge's value", n, "number")
end

function Metric:get() return self.cell[0] end

local function label_text(labels)
  local names = {}
  for name, value in pairs(labels or {}) do
    if type(name) ~= "string" or not name:match "^[%a_][%w_]*$" then error("'" .. tostring(name) .. "' is no label's name", 3) end
    names[#names + 1] = name .. '="' .. tostring(value):gsub('[\\"\n]', { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }) .. '"'
  end
  table.sort(names)
  return table.concat(names, ",")
end

local function metric(kind)
  return function(name, help, labels)
    check("a metric's name", name, "string")
    local cell = library.metric(script, kind, name, help or "", label_text(labels), failure, 512)
    if cell == nil then error(to_string(failure), 2) end
    return setmetatable({ cell = cell, kind = kind }, Metric)
  end
end

mirror.counter, mirror.gauge = metric(0), metric(1)

-- Dictionaries and look-up files. --------------------------------------------------------------------------------------------

local value = ffi.new "struct script_value"
local Shared = {}
Shared.__index = Shared

-- A Lua value out of the C one, nil when there is none.
local function take_value()
  local kind = value._type
  if kind == 1 or kind == 6 then return to_string(value._bytes, value._size) end
  if kind == 2 then return value._number end
  if kind == 3 then return false end
  if kind == 4 then return true end
  if kind == 5 then return null end
end
private.value, private.take_value = value, take_value

local function give_value(v)
  local kind = type(v)
  if kind == "string" then
    value._type, value._bytes, value._size = 1, v, #v
  elseif kind == "number" then
    value._type, value._number, value._size = 2, v, 0
  elseif kind == "boolean" then
    value._type, value._size = v and 4 or 3, 0
  else
    error("a dictionary keeps strings, numbers and booleans, not a " .. kind, 3)
  end
end

function Shared:get(key)
  library.shared_get(self.dictionary, check("a key", key, "string"), #key, value)
  return take_value()
end

function Shared:set(key, v, ttl_ms)
  check("a key", key, "string")
  if v == nil then
    library.shared_delete(self.dictionary, key, #key)
    return true
  end
  give_value(v)
  if library.shared_set(self.dictionary, key, #key, value, ttl_ms or 0, false) < 0 then return nil, "the dictionary is full" end
  return true
end

function Shared:add(key, v, ttl_ms)
  check("a key", key, "string")
  give_value(v)
  local done = library.shared_set(self.dictionary, key, #key, value, ttl_ms or 0, true)
  if done < 0 then return nil, "the dictionary is full" end
  return done == 1
end

function Shared:incr(key, by, ttl_ms)
  check("a key", key, "string")
  library.shared_incr(self.dictionary, key, #key, by or 1, ttl_ms or 0, value)
  if value._type == -1 then error("what stands behind '" .. key .. "' is no number", 2) end
  if value._type == -2 then return nil, "the dictionary is full" end
  return value._number
end

function Shared:delete(key)
  return library.shared_delete(self.dictionary, check("a key", key, "string"), #key)
end

function mirror.shared(name)
  return setmetatable({ dictionary = library.shared_open(script, check("a dictionary's name", name, "string")) }, Shared)
end

local Map = {}
Map.__index = Map

function Map:get(key, column)
  library.map_get(self.file, check("a key", key, "string"), #key, column or self.column, value)
  return take_value()
end

function Map:has(key)
  library.map_get(self.file, check("a key", key, "string"), #key, 0, value)
  return value._type == 1
end

function Map:row(key)
  local row = {}
  check("a key", key, "string")
  if not self:has(key) then return nil end
  for column = 1, math.huge do
    row[column] = self:get(key, column)
    if row[column] == nil then return row end
  end
end

function Map:count() return library.map_count(self.file) end

-- A look-up file that a test has made up: { key = value } or { key = { column, ... } }.
local function mock_map(content, options)
  local columns = {}
  local mock = setmetatable({}, Map)
  for key, row in pairs(content) do columns[key] = type(row) == "table" and row or { row } end
  function mock.get(_, key, column)
    column = column or options.column or 1
    if columns[key] == nil then return nil end
    if column == 0 or options.lines then return key end
    return columns[key][column]
  end
  function mock.has(_, key) return columns[key] ~= nil end
  function mock.count()
    local n = 0
    for _ in pairs(columns) do n = n + 1 end
    return n
  end
  return mock
end

function mirror.map(file, options)
  check("a file's name", file, "string")
  options = options or {}
  if mocks.maps and mocks.maps[file] then return mock_map(mocks.maps[file], options) end
  local separator = options.lines and "" or options.separator or ","
  local opened = library.map_open(script, file, separator:byte() or 0, failure, 512)
  if opened == nil then error("mirror.map: " .. to_string(failure), 2) end
  return setmetatable({ file = opened, column = options.column or (options.lines and 0 or 1) }, Map)
end

-- Modules, loaded when they are first used. ----------------------------------------------------------------------------------

local modules = { filter = true, header = true, json = true, sample = true, mask = true, window = true }

return setmetatable(mirror, {
  __index = function(_, name)
    if modules[name] then
      local module = private.require("mirror." .. name)
      rawset(mirror, name, module)
      return module
    end
    if name == "args" or name == "stream" then return nil end
    error("mirror has no '" .. tostring(name) .. "'" .. private.nearest(name, mirror, modules), 2)
  end,
  __newindex = function(_, name) error("mirror." .. tostring(name) .. " cannot be set", 2) end,
})
