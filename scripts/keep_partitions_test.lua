local t = require "mirror.test"
t.script "keep_partitions.lua"
t.param { partitions = "0-2, 7,9 - 10" }

t.case "keeps a partition" {
  input = { topic = "orders", partition = 7, key = "k", value = "v" },
  expect = { { topic = "orders", key = "k", value = "v", partition = t.by_key } },
}
t.case "drops another" { input = { topic = "orders", partition = 3, key = "k" }, expect = { t.drop "partition" } }
t.case "knows the ends of ranges" {
  inputs = {
    { topic = "a", partition = 0 }, { topic = "a", partition = 2 }, { topic = "a", partition = 8 }, { topic = "a", partition = 9 },
    { topic = "a", partition = 10 }, { topic = "a", partition = 11 },
  },
  expect = { { topic = "a" }, { topic = "a" }, t.drop, { topic = "a" }, { topic = "a" }, t.drop },
}
t.case "does not look at keys" { input = { topic = "orders", partition = 1, value = "v" }, expect = { { key = t.null, value = "v" } } }
t.case "keeps tombstones" { input = { topic = "orders", partition = 1, key = "k" }, expect = { { key = "k", value = t.null } } }
t.case "leaves other topics whole" {
  param = { topics = "users*" },
  inputs = { { topic = "orders", partition = 3 }, { topic = "users.eu", partition = 3 } },
  expect = { { topic = "orders" }, t.drop "partition" },
}
t.case "needs partitions" { param = { partitions = t.null }, refused = "param.partitions is needed" }
t.case "needs one at least" { param = { partitions = "," }, refused = "names no partition" }
t.case "refuses words" { param = { partitions = "0,odd" }, refused = 'not "odd"' }
t.case "refuses a range the wrong way round" { param = { partitions = "3-1" }, refused = 'not "3-1"' }
t.case "refuses endless ranges" { param = { partitions = "0-99999999999" }, refused = "from low to high" }
