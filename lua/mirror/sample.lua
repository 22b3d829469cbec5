-- Samples: a part of the records, chosen so that the choice can be made again.
local private = ...
local check = private.check
local sample = {}

local function fraction(f)
  check("a fraction", f, "number", 3)
  if not (f >= 0 and f <= 1) then error("a fraction is from 0 to 1, not " .. f, 3) end
  return f
end

-- Records by their key: all of a key, or none; the same keys on every stream and after every restart.
function sample.by_key(f)
  local most = fraction(f) * 2147483648
  return function(r)
    local hash = r:key_partition(2147483648)
    return hash ~= nil and hash < most
  end
end

-- Records by chance.
function sample.by_chance(f)
  local most = fraction(f)
  return function() return math.random() < most end
end

-- Every n-th record that this stream sees.
function sample.every(n)
  check("a number", n, "number")
  if n < 1 then error("every takes a number from 1 on, not " .. n, 2) end
  local count = 0
  return function()
    count = count + 1
    if count < n then return false end
    count = 0
    return true
  end
end

return sample
