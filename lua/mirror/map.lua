-- Look-up files: mirror.map.
local private = ...
local ffi, library = private.ffi, private.library
local seat = require "mirror.seat"
local want, fail = seat.want, seat.fail
local map_row, map_field, map_value_column = library.map_row, library.map_field, library.map_value_column
-- As table.h.
local LINES, CSV, CSV_WITH_NAMES = 0, 1, 2
local OPTIONS = { format = true, header = true, key = true, value = true, separator = true }

local M = {}
local Map = {}
Map.__index = Map
local text = ffi.new("const char *[1]")

local function path_of(file)
  if file:sub(1, 1) == "/" then return file end
  return (private.file:match("^(.*/)[^/]*$") or "") .. file
end

local function kind_of(file, options)
  local format = options.format or (file:find("%.[ct]sv$") and "csv" or "lines")
  if format == "lines" then return LINES end
  if format ~= "csv" then error('a look-up file\'s format is "csv" or "lines"', 3) end
  return options.header and CSV_WITH_NAMES or CSV
end

--- mirror.map(file[, options]): a look-up file, read once for all streams and again within two seconds of a change. A new version
-- that is malformed or missing is said in the log, and the old one stays. The last row of a key counts.
-- phase: any; best while the script is loaded, since the file is read
-- file: string, a path; relative ones are relative to the script's folder. CSV (fields quoted with "" as usual) when it ends in
--   .csv or .tsv, else one key a line, empty lines and # comments left out
-- options: { format = "csv" or "lines", header = true when the first row names the columns, key = column, value = column,
--   separator = one character }; columns by number from 1, or by name; key is 1, value 2, the separator "," (a tab for .tsv)
-- returns: the map
-- raises: the file is missing or malformed (with the line), a column is unknown
-- cost: reading: some 100 ns a row
-- example:
--   local path = os.tmpname() .. ".csv"
--   local f = io.open(path, "w") f:write("tenant,region\nacme,eu\n") f:close()
--   local regions = mirror.map(path, { header = true, key = "tenant", value = "region" })
--   assert(regions:get("acme") == "eu" and regions:get("other") == nil)
--   os.remove(path)
-- needs: io, os
function M.map(file, options)
  want("string", file, "file")
  local mock = private.mocks and private.mocks.maps and private.mocks.maps[file]
  if mock then return M.mock(mock) end
  options = options == nil and {} or want("table", options, "options")
  seat.check_options(options, OPTIONS)
  local kind = kind_of(file, options)
  local separator = options.separator or (file:find("%.tsv$") and "\t" or ",")
  if #want("string", separator, "separator") ~= 1 or separator:find('["\r\n]') then
    error("a separator is one character, no quote and no line break", 2)
  end
  local value = options.value ~= nil and tostring(options.value) or nil
  local map = library.map(seat.seat, path_of(file), kind, separator:byte(), tostring(options.key or 1), value)
  if map == nil then fail() end
  return setmetatable({ map = ffi.gc(map, library.map_free) }, Map)
end

-- The file that a test of a script made up: { key = value } or { key = { columns by number or name } }.
function M.mock(rows)
  local mock = {}
  local function row_of(key)
    local row = key ~= nil and rows[want("string", key, "key", 3)]
    if row then return type(row) == "table" and row or { key, row } end
  end
  function mock.get(_, key)
    local row = row_of(key)
    return row and (row.value or row[2] or row[1])
  end
  function mock.has(_, key) return row_of(key) ~= nil end
  function mock.row(_, key) return row_of(key) end
  function mock.count()
    local n = 0
    for _ in pairs(rows) do n = n + 1 end
    return n
  end
  return mock
end

--- map:get(key): the value of a key's row; with a file of lines the line itself.
-- phase: any
-- key: string; nil is in no file
-- returns: string; nil when there is no such row
-- raises: key is not a string
-- cost: 20 ns
-- needs: io, os
-- example:
--   local path = os.tmpname()
--   local f = io.open(path, "w") f:write("# allowed\nacme\n") f:close()
--   assert(mirror.map(path):get("acme") == "acme")
--   os.remove(path)
function Map:get(key)
  if key == nil then return nil end
  local map = self.map
  local row = map_row(map, want("string", key, "key"), #key)
  if row < 0 then return nil end
  local size = map_field(map, row, map_value_column(map), text)
  return ffi.string(text[0], size)
end

--- map:has(key): is there such a row?
-- phase: any
-- key: string; nil is in no file
-- returns: boolean
-- raises: key is not a string
-- cost: 15 ns
-- needs: io, os
-- example:
--   local path = os.tmpname()
--   local f = io.open(path, "w") f:write("acme\n") f:close()
--   local allowed = mirror.map(path)
--   assert(allowed:has("acme") and not allowed:has("other"))
--   os.remove(path)
function Map:has(key)
  if key == nil then return false end
  return map_row(self.map, want("string", key, "key"), #key) >= 0
end

--- map:row(key): all fields of a key's row.
-- phase: any
-- key: string; nil is in no file
-- returns: a table of strings by column number, and by name where the columns have some; nil when there is no such row
-- raises: key is not a string
-- cost: 50 ns and 20 ns a column
-- needs: io, os
-- example:
--   local path = os.tmpname() .. ".csv"
--   local f = io.open(path, "w") f:write('tenant,region,note\nacme,eu,"a ""b"", c"\n') f:close()
--   local row = mirror.map(path, { header = true }):row("acme")
--   assert(row[2] == "eu" and row.note == 'a "b", c')
--   os.remove(path)
function Map:row(key)
  if key == nil then return nil end
  local map = self.map
  local row = map_row(map, want("string", key, "key"), #key)
  if row < 0 then return nil end
  local out = {}
  for i = 0, library.map_columns(map) - 1 do
    local size = map_field(map, row, i, text)
    local field = ffi.string(text[0], size)
    out[i + 1] = field
    size = library.map_name(map, i, text)
    if size >= 0 then out[ffi.string(text[0], size)] = field end
  end
  return out
end

--- map:count(): how many rows the file has.
-- phase: any
-- returns: number
-- raises: nothing
-- cost: 10 ns
-- needs: io, os
-- example:
--   local path = os.tmpname()
--   local f = io.open(path, "w") f:write("a\nb\n") f:close()
--   assert(mirror.map(path):count() == 2)
--   os.remove(path)
function Map:count()
  return library.map_rows(self.map)
end

return M
