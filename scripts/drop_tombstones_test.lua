local t = require "mirror.test"
t.script "drop_tombstones.lua"

t.case "drops a tombstone" { input = { topic = "users", key = "k", value = t.null }, expect = { t.drop "tombstone" } }
t.case "drops one without a key" { input = { topic = "users" }, expect = { t.drop "tombstone" } }
t.case "keeps an empty value" { input = { topic = "users", key = "k", value = "" }, expect = { { key = "k", value = "" } } }
t.case "keeps values" {
  input = { topic = "users", key = "k", value = "v", headers = { { "a", "1" }, { "a", "2" } } },
  expect = { { topic = "users", key = "k", value = "v", partition = t.by_key, headers = { { "a", "1" }, { "a", "2" } } } },
}
t.case "keeps null keys" { input = { topic = "users", value = "v" }, expect = { { key = t.null, value = "v" } } }
t.case "leaves other topics" {
  param = { topics = "archive.*, old" },
  inputs = { { topic = "users", key = "k" }, { topic = "archive.users", key = "k" }, { topic = "old", key = "k" } },
  expect = { { topic = "users", value = t.null }, t.drop "tombstone", t.drop "tombstone" },
}
t.case "refuses an empty list" { param = { topics = "," }, refused = "param.topics names no topic" }
