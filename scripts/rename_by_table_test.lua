local t = require "mirror.test"
t.script "rename_by_table.lua"
t.param { file = "topics.csv" }
t.map("topics.csv", { orders = "sales.orders", empty = "" })

t.case "names a topic by the table" {
  input = { topic = "orders", key = "k", value = "v", headers = { { "a", "1" } } },
  expect = { { topic = "sales.orders", key = "k", value = "v", partition = t.by_key, headers = { { "a", "1" } } } },
}
t.case "keeps null keys" { input = { topic = "orders", value = "v" }, expect = { { topic = "sales.orders", key = t.null } } }
t.case "keeps tombstones" { input = { topic = "orders", key = "k" }, expect = { { topic = "sales.orders", value = t.null } } }
t.case "keeps the name of others" { input = { topic = "users", key = "k" }, expect = { { topic = "users" } } }
t.case "needs the file" { param = { file = t.null }, refused = "param.file is needed" }
t.case "needs a file that is there" { param = { file = "none.csv" }, refused = "none.csv" }
t.case "knows two ways with others" { param = { others = "drop" }, refused = "param.others must be keep or skip" }
t.check("refuses an empty name", function(s)
  local ok, why = pcall(s.route, "empty", 1)
  t.equal(ok, false)
  t.equal(why:find("cannot be a topic's name", 1, true) ~= nil, true, why)
end)

t.param { others = "skip" }
t.check("skips others when it is told to", function(s)
  t.equal(s.route("users", 1), false)
  t.equal(s.route("orders", 1), "sales.orders")
end)
