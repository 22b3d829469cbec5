local t = require "mirror.test"
t.script "add_origin.lua"
t.param { cluster = "east" }

t.case "adds the cluster behind other headers" {
  input = { topic = "orders", key = "k", value = "v", headers = { { "a", t.null }, { "reflejo-passed", "north" } } },
  expect = { {
    topic = "orders", key = "k", value = "v", partition = t.by_key,
    headers = { { "a", t.null }, { "reflejo-passed", "north" }, { "reflejo-passed", "east" } },
  } },
}
t.case "adds it where there are no headers" {
  input = { topic = "orders", value = "v" },
  expect = { { key = t.null, headers = { { "reflejo-passed", "east" } } } },
}
t.case "adds it to tombstones" {
  input = { topic = "orders", key = "k" },
  expect = { { key = "k", value = t.null, headers = { { "reflejo-passed", "east" } } } },
}
t.case "adds the place" {
  param = { place = true },
  input = { topic = "orders", partition = 3, offset = 9007199254740991, timestamp = 1700000000000 },
  expect = { { headers = {
    { "reflejo-passed", "east" }, { "source-topic", "orders" }, { "source-partition", "3" }, { "source-offset", "9007199254740991" },
    { "source-timestamp", "1700000000000" },
  } } },
}
t.case "leaves out the time that is not there" {
  param = { place = true },
  input = { topic = "orders" },
  expect = { { headers = { { "reflejo-passed", "east" }, { "source-topic", "orders" }, { "source-partition", "0" }, { "source-offset", "0" } } } },
}
t.case "needs the cluster" { param = { cluster = t.null }, refused = "param.cluster is needed" }
t.case "refuses an empty cluster" { param = { cluster = "" }, refused = "param.cluster is empty" }
t.case "takes true and false for place" { param = { place = "yes" }, refused = "param.place must be true or false" }
