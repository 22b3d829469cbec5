local t = require "mirror.test"
t.script "fan_out_by_tenant.lua"
t.param { file = "tenants.csv" }
t.map("tenants.csv", { acme = "acme.orders audit.orders", solo = "solo.orders", empty = " ", bad = "no/topic", many = ("a "):rep(17) })
local ACME = { { "tenant", "acme" } }

t.case "sends to all topics of the tenant" {
  input = { topic = "orders", key = "k", value = "v", timestamp = 5, headers = ACME },
  expect = {
    t.drop "fanned out",
    { topic = "acme.orders", key = "k", value = "v", timestamp = 5, partition = t.by_key, headers = ACME },
    { topic = "audit.orders", key = "k", value = "v", timestamp = 5, partition = t.by_key, headers = ACME },
  },
}
t.case "sends null keys and tombstones" {
  input = { topic = "orders", headers = { { "tenant", "acme" }, { "tenant", "solo" } } },
  expect = { t.drop "fanned out", { topic = "solo.orders", key = t.null, value = t.null } },
}
t.case "puts others aside" {
  inputs = {
    { topic = "orders" }, { topic = "orders", headers = { { "tenant", t.null } } }, { topic = "orders", headers = { { "tenant", "who" } } },
    { topic = "orders", headers = { { "tenant", "empty" } } },
  },
  expect = { t.dead_letter "no tenant", t.dead_letter "no tenant", t.dead_letter "unknown tenant", t.dead_letter "unknown tenant" },
}
t.case "keeps others" {
  param = { others = "keep" },
  inputs = { { topic = "orders", key = "k" }, { topic = "orders", headers = { { "tenant", "who" } } } },
  expect = { { topic = "orders", key = "k" }, { topic = "orders" } },
}
t.case "drops others" { param = { others = "drop" }, input = { topic = "orders" }, expect = { t.drop "no tenant" } }
t.case "takes another header" {
  param = { header = "customer" },
  input = { topic = "orders", headers = { { "customer", "solo" } } },
  expect = { t.drop, { topic = "solo.orders" } },
}
t.case "fails where the table has no topic's name" {
  input = { topic = "orders", headers = { { "tenant", "bad" } } },
  expect = { t.error "no/topic" },
}
t.case "fails above emit.limit" {
  input = { topic = "orders", headers = { { "tenant", "many" } } },
  expect = { t.error "script.emit.limit" },
}
t.case "needs the file" { param = { file = t.null }, refused = "param.file is needed" }
t.case "needs a file that is there" { param = { file = "none.csv" }, refused = "none.csv" }
t.case "refuses an empty header" { param = { header = "" }, refused = "param.header is empty" }
t.case "knows three ways with others" { param = { others = "skip" }, refused = "param.others must be keep, drop or dead-letter" }
