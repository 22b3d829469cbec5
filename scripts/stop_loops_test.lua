local t = require "mirror.test"
t.script "stop_loops.lua"
t.param { here = "east", there = "west" }
local FROM_EAST = { { "reflejo-passed", "east" } }

t.case "mirrors what was written here" {
  input = { topic = "orders", key = "k", value = "v" },
  expect = { { topic = "orders", key = "k", value = "v", partition = t.by_key, headers = FROM_EAST } },
}
t.case "drops what came from there" {
  input = { topic = "orders", key = "k", value = "v", headers = { { "reflejo-passed", "west" } } },
  expect = { t.drop "loop" },
}
t.case "drops what came from there long ago" {
  input = { topic = "orders", headers = { { "reflejo-passed", "west" }, { "a", "1" }, { "reflejo-passed", "south" } } },
  expect = { t.drop "loop" },
}
t.case "mirrors what came from elsewhere" {
  input = { topic = "orders", key = "k", headers = { { "reflejo-passed", "south" }, { "other", "west" } } },
  expect = { { headers = { { "reflejo-passed", "south" }, { "other", "west" }, { "reflejo-passed", "east" } } } },
}
t.case "knows null and empty headers" {
  input = { topic = "orders", headers = { { "reflejo-passed", t.null }, { "reflejo-passed", "" } } },
  expect = { { headers = { { "reflejo-passed", t.null }, { "reflejo-passed", "" }, { "reflejo-passed", "east" } } } },
}
t.case "holds for null keys and tombstones" {
  inputs = { { topic = "orders" }, { topic = "orders", headers = { { "reflejo-passed", "west" } } } },
  expect = { { key = t.null, value = t.null, headers = FROM_EAST }, t.drop "loop" },
}
t.check("ends after one round", function(s)
  local there = s.run({ topic = "orders", key = "k" })[1]
  t.equal(there.kind, "record")
  t.equal(there.headers[1][2], "east")
end)
t.case "needs here" { param = { here = t.null }, refused = "param.here is needed" }
t.case "needs there" { param = { there = t.null }, refused = "param.there is needed" }
t.case "refuses empty names" { param = { there = "" }, refused = "must not be empty" }
t.case "refuses one name for both" { param = { there = "east" }, refused = 'are both "east"' }

t.param { here = "west", there = "east" }
t.case "and the other agent drops what this one has mirrored" {
  input = { topic = "orders", key = "k", headers = FROM_EAST },
  expect = { t.drop "loop" },
}
