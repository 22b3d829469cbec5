local t = require "mirror.test"
t.script "merge_topics.lua"
t.param { topics = "orders.eu, orders.u*", into = "orders" }

t.case "merges the first" {
  input = { topic = "orders.eu", key = "k", value = "v" },
  expect = { { topic = "orders", key = "k", value = "v", partition = t.by_key, headers = {} } },
}
t.case "merges by glob" { input = { topic = "orders.us", key = "k" }, expect = { { topic = "orders" } } }
t.case "leaves other topics" { input = { topic = "orders.asia", key = "k" }, expect = { { topic = "orders.asia" } } }
t.case "keeps null keys" { input = { topic = "orders.eu", value = "v" }, expect = { { topic = "orders", key = t.null } } }
t.case "keeps tombstones" { input = { topic = "orders.eu", key = "k" }, expect = { { topic = "orders", value = t.null } } }
t.case "says where a record came from" {
  param = { header = "source-topic" },
  input = { topic = "orders.us", key = "k", headers = { { "a", t.null } } },
  expect = { { topic = "orders", headers = { { "a", t.null }, { "source-topic", "orders.us" } } } },
}
t.case "says it of merged topics only" {
  param = { header = "source-topic" },
  input = { topic = "users", key = "k" },
  expect = { { topic = "users", headers = {} } },
}
t.case "keeps the partition" {
  param = { partitions = "preserve" },
  input = { topic = "orders.us", partition = 3, key = "k" },
  expect = { { topic = "orders", partition = 3 } },
}
t.case "needs topics" { param = { topics = t.null }, refused = "param.topics is needed" }
t.case "needs at least one topic" { param = { topics = " , " }, refused = "param.topics names no topic" }
t.case "needs a target" { param = { into = t.null }, refused = "param.into is needed" }
t.case "knows two ways with partitions" { param = { partitions = "map" }, refused = "param.partitions must be key or preserve" }
t.case "refuses an empty header" { param = { header = "" }, refused = "param.header is empty" }

t.param { into = "no topic" }
t.check("refuses a name that no topic can have", function(s)
  local ok, why = pcall(s.route, "orders.eu", 1)
  t.equal(ok, false)
  t.equal(why:find("no topic", 1, true) ~= nil, true, why)
end)
