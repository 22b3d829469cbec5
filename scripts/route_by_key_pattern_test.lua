local t = require "mirror.test"
t.script "route_by_key_pattern.lua"
t.param { routes = "eu-*=orders.eu, us-*= orders.us,?=short, *=*=pairs" }

t.case "goes by the pattern" {
  input = { topic = "orders", key = "us-7", value = "v", headers = { { "a", "1" } } },
  expect = { { topic = "orders.us", key = "us-7", value = "v", partition = t.by_key, headers = { { "a", "1" } } } },
}
t.case "tries them in their order" {
  inputs = { { topic = "orders", key = "eu-a=b" }, { topic = "orders", key = "x" }, { topic = "orders", key = "a=b" } },
  expect = { { topic = "orders.eu" }, { topic = "short" }, { topic = "pairs" } },
}
t.case "matches the whole key" { input = { topic = "orders", key = "new-eu-1" }, expect = { { topic = "orders" } } }
t.case "leaves null keys" { input = { topic = "orders", value = "v" }, expect = { { topic = "orders", key = t.null, value = "v" } } }
t.case "leaves empty keys" { input = { topic = "orders", key = "" }, expect = { { topic = "orders", key = "" } } }
t.case "moves tombstones as all others" { input = { topic = "orders", key = "eu-1" }, expect = { { topic = "orders.eu", value = t.null } } }
t.case "drops others when it is told to" {
  param = { others = "drop" },
  inputs = { { topic = "orders", key = "asia" }, { topic = "orders" } },
  expect = { t.drop "no pattern", t.drop "no pattern" },
}
t.case "puts others aside when it is told to" {
  param = { others = "dead-letter" },
  input = { topic = "orders", key = "asia" },
  expect = { t.dead_letter "no pattern" },
}
t.case "needs routes" { param = { routes = t.null }, refused = "param.routes is needed" }
t.case "needs one at least" { param = { routes = "" }, refused = "param.routes names no route" }
t.case "refuses a glob without a topic" { param = { routes = "eu-*" }, refused = 'not "eu-*"' }
t.case "refuses a topic without a glob" { param = { routes = "=orders" }, refused = 'not "=orders"' }
t.case "refuses what no topic's name can be" { param = { routes = "eu-*=no topic" }, refused = "no topic" }
t.case "knows three ways with others" { param = { others = "skip" }, refused = "param.others must be keep, drop or dead-letter" }
