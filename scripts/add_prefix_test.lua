local t = require "mirror.test"
t.script "add_prefix.lua"
t.param { prefix = "east." }

t.case "puts it before the name" {
  input = { topic = "orders", key = "k", value = "v" },
  expect = { { topic = "east.orders", key = "k", value = "v", partition = t.by_key } },
}
t.case "keeps null keys" { input = { topic = "orders", value = "v" }, expect = { { topic = "east.orders", key = t.null } } }
t.case "keeps tombstones" { input = { topic = "orders", key = "k" }, expect = { { topic = "east.orders", value = t.null } } }
t.case "needs the prefix" { param = { prefix = t.null }, refused = "param.prefix is needed" }
t.case "refuses an empty prefix" { param = { prefix = "" }, refused = "param.prefix takes" }
t.case "refuses what no name can have" { param = { prefix = "east/" }, refused = 'not "east/"' }
t.check("leaves topics to the expression", function(s) t.equal(s.topics("west.orders", 1), nil) end)

t.param { skip = "west., south." }
t.check("skips what came from there", function(s)
  t.equal(s.topics("west.orders", 1), false)
  t.equal(s.topics("south.", 1), false)
  t.equal(s.topics("west", 1), nil)
  t.equal(s.topics("orders.west.", 1), nil)
end)
