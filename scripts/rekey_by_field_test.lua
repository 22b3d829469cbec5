local t = require "mirror.test"
t.script "rekey_by_field.lua"
t.param { field = "customer.id" }

t.case "takes the field for the key" {
  input = { topic = "orders", partition = 3, key = "old", value = '{"customer":{"id":"ann"}}', headers = { { "a", "1" } } },
  expect = { { topic = "orders", key = "ann", value = '{"customer":{"id":"ann"}}', partition = t.by_key, headers = { { "a", "1" } } } },
}
t.case "gives a null key one" { input = { topic = "orders", value = '{"customer":{"id":""}}' }, expect = { { key = "" } } }
t.case "writes numbers whole" {
  inputs = {
    { topic = "orders", value = '{"customer":{"id":42}}' }, { topic = "orders", value = '{"customer":{"id":-9007199254740991}}' },
    { topic = "orders", value = '{"customer":{"id":1e15}}' },
  },
  expect = { { key = "42" }, { key = "-9007199254740991" }, { key = "1000000000000000" } },
}
t.case "puts a prefix before it" {
  param = { prefix = "c:" },
  input = { topic = "orders", key = "k", value = '{"customer":{"id":"ann"}}' },
  expect = { { key = "c:ann" } },
}
t.case "drops tombstones" { input = { topic = "orders", key = "k" }, expect = { t.drop "tombstone" } }
t.case "keeps tombstones when it is told to" {
  param = { tombstones = "keep" },
  input = { topic = "orders", key = "k" },
  expect = { { key = "k", value = t.null } },
}
t.case "puts aside what it cannot read" {
  inputs = {
    { topic = "orders", value = "not json" }, { topic = "orders", value = '{"customer":{}}' }, { topic = "orders", value = '{"customer":1}' },
  },
  expect = { t.dead_letter "not JSON", t.dead_letter "no customer.id", t.dead_letter "no customer.id" },
}
t.case "puts aside what is no key" {
  inputs = {
    { topic = "orders", value = '{"customer":{"id":null}}' }, { topic = "orders", value = '{"customer":{"id":1.5}}' },
    { topic = "orders", value = '{"customer":{"id":true}}' }, { topic = "orders", value = '{"customer":{"id":{"a":1}}}' },
    { topic = "orders", value = '{"customer":{"id":9007199254740993}}' },
  },
  expect = {
    t.dead_letter "customer.id is no string and no whole number", t.dead_letter "customer.id is no string and no whole number",
    t.dead_letter "customer.id is no string and no whole number", t.dead_letter "customer.id is no string and no whole number",
    t.dead_letter "customer.id is no string and no whole number",
  },
}
t.case "needs the field" { param = { field = t.null }, refused = "param.field is needed" }
t.case "refuses what is no path" { param = { field = "" }, refused = "path" }
t.case "knows two ways with tombstones" { param = { tombstones = "all" }, refused = "param.tombstones must be drop or keep" }
