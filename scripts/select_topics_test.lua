local t = require "mirror.test"
t.script "select_topics.lua"
t.param { file = "topics.txt" }
t.map("topics.txt", { orders = "orders", users = "users" })
t.map("empty.txt", {})

t.check("takes what is listed", function(s)
  t.equal(s.topics("orders", 3), true)
  t.equal(s.topics("users", 3), true)
end)
t.check("takes nothing else", function(s)
  t.equal(s.topics("order", 3), false)
  t.equal(s.topics("Orders", 3), false)
  t.equal(s.topics("__consumer_offsets", 50), false)
end)
t.case "leaves records as they are" {
  input = { topic = "orders", key = "k", value = "v" },
  expect = { { topic = "orders", key = "k", value = "v" } },
}
t.case "leaves null keys and tombstones" { input = { topic = "orders" }, expect = { { topic = "orders", key = t.null, value = t.null } } }
t.case "needs the file" { param = { file = t.null }, refused = "param.file is needed" }
t.case "needs a file that is there" { param = { file = "none.txt" }, refused = "none.txt" }
t.case "refuses an empty list" { param = { file = "empty.txt" }, refused = "lists no topic" }
