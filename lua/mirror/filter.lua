-- Filters: conditions on a record, made once and combined. A condition is a function of the record that gives true or false.
local private = ...
local check = private.check
local filter = {}

local function pattern(p)
  if type(p) == "string" then return private.require("mirror").regex(p) end
  if type(p) == "table" and p.match_bytes then return p end
  error("a pattern is a string or what mirror.regex gives, not a " .. type(p), 3)
end

function filter.key_prefix(prefix)
  check("a prefix", prefix, "string")
  return function(r) return r:key_has_prefix(prefix) end
end

function filter.key_matches(p)
  local re = pattern(p)
  return function(r) return r:key_matches(re) end
end

function filter.value_matches(p)
  local re = pattern(p)
  return function(r) return r:value_matches(re) end
end

-- The header's last value equals one of the given ones; without any, the header is there.
function filter.header(name, ...)
  check("a header's name", name, "string")
  local wanted, any = {}, select("#", ...) == 0
  for i = 1, select("#", ...) do wanted[select(i, ...)] = true end
  return function(r)
    local value = r.headers:get(name)
    return value ~= nil and (any or wanted[value] == true)
  end
end

function filter.larger_than(bytes)
  check("a size", bytes, "number")
  return function(r) return (r.value_size or 0) + (r.key_size or 0) > bytes end
end

function filter.older_than(ms)
  check("an age", ms, "number")
  local mirror = private.require "mirror"
  return function(r)
    local timestamp = r.timestamp
    return timestamp ~= nil and mirror.now_ms() - timestamp > ms
  end
end

function filter.tombstone(r) return r.tombstone end

function filter.all(...)
  local list = { ... }
  return function(r)
    for i = 1, #list do
      if not list[i](r) then return false end
    end
    return true
  end
end

function filter.any(...)
  local list = { ... }
  return function(r)
    for i = 1, #list do
      if list[i](r) then return true end
    end
    return false
  end
end

function filter.none(condition)
  check("a condition", condition, "function")
  return function(r) return not condition(r) end
end

return filter
