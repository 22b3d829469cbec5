local t = require "mirror.test"
local NOW, HOUR = 1700000000000, 3600000
t.script "drop_old.lua"
t.param { hours = 2 }
t.clock(NOW)

t.case "keeps what is new" {
  input = { topic = "orders", key = "k", value = "v", timestamp = NOW },
  expect = { { topic = "orders", key = "k", value = "v", timestamp = NOW, partition = t.by_key } },
}
t.case "knows the edge" {
  inputs = { { topic = "a", timestamp = NOW - 2 * HOUR }, { topic = "a", timestamp = NOW - 2 * HOUR - 1 } },
  expect = { { topic = "a", timestamp = NOW - 2 * HOUR }, t.drop "old" },
}
t.case "keeps what comes from tomorrow" { input = { topic = "a", timestamp = NOW + 24 * HOUR }, expect = { { topic = "a" } } }
t.case "keeps what has no time" { input = { topic = "a", key = "k" }, expect = { { key = "k", timestamp = t.null } } }
t.case "drops old tombstones and null keys" { input = { topic = "a", timestamp = 1 }, expect = { t.drop "old" } }
t.case "takes parts of an hour" {
  param = { hours = 0.5 },
  input = { topic = "a", timestamp = NOW - HOUR },
  expect = { t.drop "old" },
}
t.case "needs hours" { param = { hours = t.null }, refused = "param.hours is needed" }
t.case "needs a number" { param = { hours = "2h" }, refused = "param.hours must be a number" }
t.case "refuses to drop everything" { param = { hours = 0 }, refused = "param.hours must be more than 0" }
