-- Headers: mirror.header (require "mirror.header"): copying and cleaning, where a record came from, and loops between clusters.
local private = ...
local seat = require "mirror.seat"
local want = seat.want

local M = {}

--- header.passed_name: the header that add_origin writes, once for each cluster that a record was mirrored from.
-- phase: any
-- returns: string
-- raises: nothing
-- cost: none
-- example:
--   assert(require("mirror.header").passed_name == "reflejo-passed")
M.passed_name = "reflejo-passed"

--- header.add_origin(r, cluster): notes that the record came from this cluster.
-- phase: record
-- r: the record
-- cluster: string, the source cluster's name, the same in all agents
-- returns: nothing
-- raises: cluster is not a string
-- cost: 200 ns, and the headers are written anew
-- record:
--   local header = require "mirror.header"
--   header.add_origin(r, "east")
--   assert(header.has_passed(r, "east") and not header.has_passed(r, "west"))
function M.add_origin(r, cluster)
  r.headers:add(M.passed_name, want("string", cluster, "cluster"))
end

--- header.has_passed(r, cluster): did the record come through this cluster before? In a pair of agents that mirror the same topics
-- both ways, drop what has passed the target: `if header.has_passed(r, "west") then return r:drop("loop") end`.
-- phase: record
-- r: the record
-- cluster: string, the target cluster's name
-- returns: boolean
-- raises: cluster is not a string
-- cost: 30 ns without headers, 100 ns a header
-- record:
--   local header = require "mirror.header"
--   if header.has_passed(r, "west") then return r:drop("loop") end
--   header.add_origin(r, "east")
function M.has_passed(r, cluster)
  want("string", cluster, "cluster")
  for name, value in r.headers:each() do
    if name == M.passed_name and value == cluster then return true end
  end
  return false
end

--- header.add_source(r[, prefix]): adds headers with the record's source: PREFIXtopic, PREFIXpartition, PREFIXoffset, and
-- PREFIXtimestamp (ms) when it has one.
-- phase: record
-- r: the record
-- prefix: string, "source-" when absent
-- returns: nothing
-- raises: prefix is not a string
-- cost: 1 microsecond, and the headers are written anew
-- record:
--   require("mirror.header").add_source(r)
--   assert(r.headers:get("source-topic") == r.source_topic)
function M.add_source(r, prefix)
  prefix = prefix == nil and "source-" or want("string", prefix, "prefix")
  local headers = r.headers
  headers:add(prefix .. "topic", r.source_topic)
  headers:add(prefix .. "partition", ("%d"):format(r.source_partition))
  headers:add(prefix .. "offset", ("%.0f"):format(r.offset))
  if r.timestamp then headers:add(prefix .. "timestamp", ("%.0f"):format(r.timestamp)) end
end

--- header.hops(r[, name]): the way of a record that mirrors with provenance=true brought, as its header tells it, the oldest hop
-- first; of some only the cluster is known.
-- phase: record
-- r: the record
-- name: string, provenance.header when it has another value than "reflejo.origin"
-- returns: list of { cluster =, topic =, partition =, offset = }; nil: there is no such header, or it has not the form
-- raises: name is not a string
-- cost: 100 ns a header, 1 microsecond a hop
-- record:
--   local header = require "mirror.header"
--   assert(header.hops(r) == nil)
--   r.headers:add("reflejo.origin", "east/orders:3@42,north,west/orders:1@7")
--   local hops = header.hops(r)
--   assert(hops[1].cluster == "east" and hops[1].topic == "orders" and hops[1].partition == 3 and hops[1].offset == 42)
--   assert(#hops == 3 and hops[2].cluster == "north" and hops[2].topic == nil)
function M.hops(r, name)
  local value = r.headers:get(name == nil and "reflejo.origin" or want("string", name, "name"))
  if type(value) ~= "string" then return nil end
  local hops = {}
  for hop in (value .. ","):gmatch "([^,]*)," do
    local cluster, topic, partition, offset = hop:match "^([%w._-]+)/([%w._-]+):(%d+)@(%d+)$"
    cluster = cluster or #hops > 0 and hop:match "^[%w._-]+$"
    if not cluster then return nil end
    hops[#hops + 1] = { cluster = cluster, topic = topic, partition = tonumber(partition), offset = tonumber(offset) }
  end
  return hops
end

--- header.copy(r, from, to): adds, under another name, every header of a name; header.rename(r, from, to) takes the old ones away.
-- phase: record
-- r: the record
-- from, to: strings
-- returns: number of headers that were copied
-- raises: a wrong type
-- cost: 200 ns a header, and the headers are written anew
-- record:
--   local header = require "mirror.header"
--   assert(header.copy(r, "source", "origin") == 1)
--   assert(r.headers:get("origin") == r.headers:get("source"))
function M.copy(r, from, to)
  want("string", to, "to")
  local values = {}
  for name, value in r.headers:each() do
    if name == want("string", from, "from") then values[#values + 1] = { value } end
  end
  for _, value in ipairs(values) do r.headers:add(to, value[1] == nil and private.null or value[1]) end
  return #values
end

function M.rename(r, from, to)
  local n = M.copy(r, from, to)
  if n > 0 then r.headers:remove(from) end
  return n
end

local function names_of(r)
  local names, known = {}, {}
  for name in r.headers:each() do
    if not known[name] then names[#names + 1], known[name] = name, true end
  end
  return names
end

local function remove(r, patterns, keeps)
  local count = 0
  for _, name in ipairs(names_of(r)) do
    if patterns:matches(name) ~= keeps then
      r.headers:remove(name)
      count = count + 1
    end
  end
  return count
end

--- header.keep(r, patterns): removes all headers whose name does not match; header.remove(r, patterns) those whose name does.
-- phase: record
-- r: the record
-- patterns: what mirror.patterns or mirror.regex gave
-- returns: number of names that were removed
-- raises: patterns is no matcher
-- cost: 300 ns a header
-- record:
--   local internal = mirror.patterns { "x-internal-*", "authorization" }
--   require("mirror.header").remove(r, internal)
--   assert(r.headers:get("authorization") == nil)
function M.keep(r, patterns)
  return remove(r, patterns, true)
end

function M.remove(r, patterns)
  return remove(r, patterns, false)
end

return M
