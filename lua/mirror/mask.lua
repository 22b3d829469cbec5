-- Masks: values that must not leave the source in the clear.
local private = ...
local check = private.check
local mask = {}

-- The same value gives the same text, and nobody without the secret can tell which value it was: the first `length` (default 16) digits
-- of its HMAC-SHA-256.
function mask.hash(secret, length)
  check("a secret", secret, "string")
  if #secret < 8 then error("a secret has at least 8 characters: shorter ones can be tried out", 2) end
  local mirror = private.require "mirror"
  length = length or 16
  return function(text) return mirror.hex(mirror.hmac(secret, tostring(text))):sub(1, length) end
end

-- All but the last n characters become *.
function mask.keep_last(n)
  check("a number", n, "number")
  return function(text)
    text = tostring(text)
    return ("*"):rep(math.max(#text - n, 0)) .. text:sub(-math.min(n, #text), n > 0 and -1 or 0)
  end
end

-- Always the same text.
function mask.constant(text)
  check("a text", text, "string")
  return function() return text end
end

local function change(document, path, at, how)
  local step = path[at]
  if type(document) ~= "table" then return false end
  if step == "*" then
    local any = false
    for key, item in pairs(document) do
      if at == #path then
        if type(item) ~= "table" then
          document[key] = how(item)
          any = true
        end
      else
        any = change(item, path, at + 1, how) or any
      end
    end
    return any
  end
  local key = document[step] ~= nil and step or tonumber(step) and tonumber(step) + 1
  local item = key and document[key]
  if item == nil or rawequal(item, private.null) then return false end
  if at < #path then return change(item, path, at + 1, how) end
  if type(item) == "table" then item = private.require("mirror").json.encode(item) end
  document[key] = how(item)
  return true
end

-- A function of a record that masks fields of its JSON value: paths like "customer.name", "items.*.price". Gives true when something
-- was changed, false when not, nil and why when the value is no JSON.
function mask.json(paths, how)
  check("paths", paths, "table")
  check("a mask", how, "function")
  local json, steps = private.require "mirror.json", {}
  for i = 1, #paths do
    steps[i] = {}
    for step in check("a path", paths[i], "string"):gmatch "[^.]+" do table.insert(steps[i], step) end
    if #steps[i] == 0 then error("a path has at least one key", 2) end
  end
  return function(r)
    local text, changed = r.value, false
    if text == nil then return false end
    local document, why = json.decode(text)
    if document == nil then return nil, why end
    for i = 1, #steps do changed = change(document, steps[i], 1, how) or changed end
    if changed then r.value = json.encode(document) end
    return changed
  end
end

return mask
