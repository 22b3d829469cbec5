local t = require "mirror.test"
t.script "split_by_field.lua"
t.param { field = "customer.region", values = "eu, us,7" }

t.case "goes by the field" {
  input = { topic = "orders", key = "k", value = '{"customer":{"region":"eu"}}' },
  expect = { { topic = "orders.eu", key = "k", value = '{"customer":{"region":"eu"}}', partition = t.by_key } },
}
t.case "takes numbers" { input = { topic = "orders", value = '{"customer":{"region":7}}' }, expect = { { topic = "orders.7", key = t.null } } }
t.case "sends tombstones to all" {
  input = { topic = "orders", key = "k" },
  expect = {
    t.drop "tombstone", { topic = "orders.eu", key = "k", value = t.null }, { topic = "orders.us", key = "k", value = t.null },
    { topic = "orders.7", key = "k", value = t.null },
  },
}
t.case "keeps tombstones where they go" {
  param = { tombstones = "keep" },
  input = { topic = "orders", key = "k" },
  expect = { { topic = "orders", key = "k", value = t.null } },
}
t.case "drops tombstones" { param = { tombstones = "drop" }, input = { topic = "orders", key = "k" }, expect = { t.drop "tombstone" } }
t.case "puts others aside" {
  inputs = {
    { topic = "orders", value = "not json" }, { topic = "orders", value = "" }, { topic = "orders", value = '{"customer":{}}' },
    { topic = "orders", value = '{"customer":{"region":"asia"}}' }, { topic = "orders", value = '{"customer":{"region":null}}' },
    { topic = "orders", value = '{"customer":{"region":["eu"]}}' },
  },
  expect = {
    t.dead_letter "not JSON", t.dead_letter "not JSON", t.dead_letter "no customer.region", t.dead_letter "no topic for the value",
    t.dead_letter "no topic for the value", t.dead_letter "no topic for the value",
  },
}
t.case "keeps others" {
  param = { others = "keep" },
  inputs = { { topic = "orders", value = "not json" }, { topic = "orders", value = '{"customer":{"region":"asia"}}' } },
  expect = { { topic = "orders", value = "not json" }, { topic = "orders" } },
}
t.case "drops others" { param = { others = "drop" }, input = { topic = "orders", value = "{}" }, expect = { t.drop "no customer.region" } }
t.case "takes another separator" {
  param = { separator = "-" },
  input = { topic = "orders", value = '{"customer":{"region":"us"}}' },
  expect = { { topic = "orders-us" } },
}
t.case "needs the field" { param = { field = t.null }, refused = "param.field is needed" }
t.case "refuses what is no path" { param = { field = "customer..region" }, refused = "path" }
t.case "needs values" { param = { values = t.null }, refused = "param.values is needed" }
t.case "needs one at least" { param = { values = "," }, refused = "param.values names no value" }
t.case "refuses what no topic's name can have" { param = { values = "north america" }, refused = "north america" }
t.case "refuses a separator that no name can have" { param = { separator = "/" }, refused = "a/eu" }
t.case "knows three ways with others" { param = { others = "skip" }, refused = "param.others must be keep, drop or dead-letter" }
t.case "knows three ways with tombstones" { param = { tombstones = "skip" }, refused = "param.tombstones must be all, keep or drop" }
