-- JSON: one value out of a record without decoding the rest, and whole documents.
local private = ...
local library, script, check = private.library, private.script, private.check or error
local value, null, cjson = nil, private.null, private.cjson
local json = {}

cjson = cjson.new()
cjson.encode_sparse_array(true)
cjson.encode_max_depth(100)

local paths = {}

local function path_of(text)
  local path = paths[text]
  if path then return path end
  check("a path", text, "string", 3)
  path = library.json_path(script, text, #text)
  if path == nil then error("the script has used 10000 JSON paths: they must come from a bounded set", 3) end
  paths[text] = path
  return path
end

-- json.get(record or text, "a.b"): string, number, boolean, mirror.null; objects and arrays as their text; nil and why not.
function json.get(from, path)
  value = value or private.value
  local bytes, size
  if type(from) == "string" then
    bytes, size = from, #from
  elseif private.is_record(from) then
    bytes, size = private.value_of(from)
    if bytes == nil then return nil, "no value" end
  else
    error("json.get takes a record or a string, not a " .. type(from), 2)
  end
  library.json_get(bytes, size, path_of(path), value)
  if value._type == -1 then return nil, "not JSON" end
  if value._type == 0 then return nil, "no " .. path end
  return private.take_value()
end

-- json.decode(text): Lua tables; null is mirror.null; nil and why not. Numbers above 2^53 are rounded.
function json.decode(text)
  check("JSON", text, "string")
  local ok, document = pcall(cjson.decode, text)
  if not ok then return nil, "not JSON: " .. tostring(document) end
  return json.from_cjson(document)
end

-- cjson's null is a light userdata; ours compares equal to mirror.null.
function json.from_cjson(v)
  if v == cjson.null then return null end
  if type(v) ~= "table" then return v end
  for key, item in pairs(v) do
    if item == cjson.null then
      v[key] = null
    elseif type(item) == "table" then
      json.from_cjson(item)
    end
  end
  return v
end

local function to_cjson(v, depth)
  if rawequal(v, null) then return cjson.null end
  if type(v) ~= "table" then return v end
  if depth > 100 then error("json.encode: nested deeper than 100, or within itself", 0) end
  local copy = {}
  for key, item in pairs(v) do copy[key] = to_cjson(item, depth + 1) end
  return setmetatable(copy, getmetatable(v))
end

-- json.encode(value): a text. An empty table is {}; json.array({}) is [].
function json.encode(v)
  local ok, text = pcall(function() return cjson.encode(to_cjson(v, 0)) end)
  if not ok then error("json.encode: " .. tostring(text):gsub("^.-: ", ""), 2) end
  return text
end

function json.array(list)
  return setmetatable(list, cjson.empty_array_mt or cjson.array_mt)
end

return json
