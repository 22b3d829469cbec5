-- Headers that say where a record has been, so that clusters that mirror each other do not copy in circles.
local private = ...
local check = private.check
local header = {}

header.ORIGIN = "reflejo.origin"

-- Adds the cluster's name to the record's path.
function header.add_origin(r, cluster, name)
  r.headers:add(name or header.ORIGIN, check("a cluster's name", cluster, "string"))
end

-- Has the record been in this cluster?
function header.has_passed(r, cluster, name)
  check("a cluster's name", cluster, "string")
  for _, passed in ipairs(r.headers:all(name or header.ORIGIN)) do
    if passed == cluster then return true end
  end
  return false
end

-- Removes every header whose name begins with prefix; how many.
function header.remove_prefix(r, prefix)
  check("a prefix", prefix, "string")
  local names, removed = {}, 0
  for name in r.headers:each() do
    if name:sub(1, #prefix) == prefix then names[name] = true end
  end
  for name in pairs(names) do removed = removed + r.headers:remove(name) end
  return removed
end

-- The last value of each header by its name.
function header.table(r)
  local found = {}
  for name, value in r.headers:each() do found[name] = value end
  return found
end

return header
