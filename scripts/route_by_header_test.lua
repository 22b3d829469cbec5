local t = require "mirror.test"
t.script "route_by_header.lua"
t.param { header = "region", file = "regions.csv" }
t.map("regions.csv", { eu = "orders.eu", us = "orders.us", bad = "no topic" })
local EU = { { "region", "eu" } }

t.case "goes by the header" {
  input = { topic = "orders", key = "k", value = "v", headers = EU },
  expect = { { topic = "orders.eu", key = "k", value = "v", partition = t.by_key, headers = EU } },
}
t.case "goes by the last of several" {
  input = { topic = "orders", key = "k", headers = { { "region", "eu" }, { "region", "us" } } },
  expect = { { topic = "orders.us" } },
}
t.case "keeps null keys" { input = { topic = "orders", value = "v", headers = EU }, expect = { { topic = "orders.eu", key = t.null } } }
t.case "keeps tombstones" { input = { topic = "orders", key = "k", headers = EU }, expect = { { topic = "orders.eu", value = t.null } } }
t.case "leaves others where they go" {
  inputs = {
    { topic = "orders", key = "1" }, { topic = "orders", key = "2", headers = { { "region", "asia" } } },
    { topic = "orders", key = "3", headers = { { "region", t.null } } }, { topic = "orders", key = "4", headers = { { "region", "" } } },
  },
  expect = { { topic = "orders", key = "1" }, { topic = "orders", key = "2" }, { topic = "orders", key = "3" }, { topic = "orders", key = "4" } },
}
t.case "drops others when it is told to" {
  param = { others = "drop" },
  inputs = { { topic = "orders" }, { topic = "orders", headers = { { "region", "asia" } } } },
  expect = { t.drop "no such header", t.drop "no topic for the header" },
}
t.case "puts others aside when it is told to" {
  param = { others = "dead-letter" },
  inputs = { { topic = "orders", headers = { { "region", t.null } } }, { topic = "orders", headers = { { "region", "asia" } } } },
  expect = { t.dead_letter "no such header", t.dead_letter "no topic for the header" },
}
t.case "fails where the table has no topic's name" {
  input = { topic = "orders", headers = { { "region", "bad" } } },
  expect = { t.error "no topic" },
}
t.case "needs the header" { param = { header = t.null }, refused = "param.header is needed" }
t.case "refuses an empty header" { param = { header = "" }, refused = "param.header is empty" }
t.case "needs the file" { param = { file = t.null }, refused = "param.file is needed" }
t.case "needs a file that is there" { param = { file = "none.csv" }, refused = "none.csv" }
t.case "knows three ways with others" { param = { others = "skip" }, refused = "param.others must be keep, drop or dead-letter" }
