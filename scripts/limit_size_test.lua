local t = require "mirror.test"
t.script "limit_size.lua"
t.param { bytes = 10 }

t.case "keeps what fits" {
  input = { topic = "a", key = "12345", value = "67890", headers = { { "long", "0123456789" } } },
  expect = { { topic = "a", key = "12345", value = "67890", partition = t.by_key } },
}
t.case "puts aside what does not" { input = { topic = "a", key = "12345", value = "678901" }, expect = { t.dead_letter "too large" } }
t.case "counts nothing for null keys" {
  inputs = { { topic = "a", value = "1234567890" }, { topic = "a", value = "12345678901" } },
  expect = { { key = t.null }, t.dead_letter "too large" },
}
t.case "counts nothing for tombstones" {
  inputs = { { topic = "a", key = "1234567890" }, { topic = "a", key = "12345678901" }, { topic = "a" } },
  expect = { { value = t.null }, t.dead_letter "too large", { key = t.null, value = t.null } },
}
t.case "drops when it is told to" {
  param = { action = "drop" },
  input = { topic = "a", value = "12345678901" },
  expect = { t.drop "too large" },
}
t.case "takes a million bytes without a parameter" {
  param = { bytes = t.null },
  inputs = { { topic = "a", value = ("x"):rep(1000000) }, { topic = "a", value = ("x"):rep(1000001) } },
  expect = { { topic = "a" }, t.dead_letter "too large" },
}
t.case "needs a number" { param = { bytes = "1 MB" }, refused = "param.bytes must be a number" }
t.case "refuses to take nothing" { param = { bytes = 0 }, refused = "param.bytes must be 1 or more" }
t.case "knows two actions" { param = { action = "pass" }, refused = "param.action must be dead-letter or drop" }
