local t = require "mirror.test"
t.script "sample_by_key.lua"
t.param { part = 0.5 }

-- How many of a hundred keys are mirrored, and which.
local function sample(s)
  local count, keys = 0, {}
  for i = 1, 100 do
    local out = s.run { topic = "a", key = "key-" .. i, value = "v" }[1]
    if out.kind == "record" then
      count = count + 1
      keys[#keys + 1] = out.key
    else
      t.equal(out.reason, "sample")
    end
  end
  return count, table.concat(keys, " ")
end

t.check("takes about a half, and the same again", function(s)
  local count, keys = sample(s)
  t.equal(count > 30 and count < 70, true, count .. " of 100")
  local _, again = sample(s)
  t.equal(again, keys)
  s.reload()
  _, again = sample(s)
  t.equal(again, keys)
end)
t.check("takes tombstones of the keys that it takes", function(s)
  for i = 1, 100 do
    local kind = s.run { topic = "a", key = "key-" .. i, value = "v" }[1].kind
    t.equal(s.run({ topic = "a", key = "key-" .. i })[1].kind, kind)
  end
end)
t.case "takes what has no key" { input = { topic = "a", value = "v" }, expect = { { key = t.null, value = "v" } } }
t.case "takes all" { param = { part = 1 }, input = { topic = "a", key = "k", value = "v" }, expect = { { key = "k", partition = t.by_key } } }
t.case "takes none" { param = { part = 0 }, input = { topic = "a", key = "k" }, expect = { t.drop "sample" } }
t.case "needs the part" { param = { part = t.null }, refused = "param.part is needed" }
t.case "needs a number" { param = { part = "1%" }, refused = "param.part must be a number" }
t.case "refuses more than all" { param = { part = 10 }, refused = "param.part must be from 0 to 1" }
t.case "refuses half a seed" { param = { seed = 0.5 }, refused = "param.seed must be a whole number" }
