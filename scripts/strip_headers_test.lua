local t = require "mirror.test"
t.script "strip_headers.lua"
t.param { headers = "authorization, x-internal-*" }
local MIXED = { { "a", "1" }, { "authorization", "s3cret" }, { "a", t.null }, { "x-internal-id", "7" }, { "authorization", "more" } }

t.case "takes them away" {
  input = { topic = "orders", key = "k", value = "v", headers = MIXED },
  expect = { { topic = "orders", key = "k", value = "v", partition = t.by_key, headers = { { "a", "1" }, { "a", t.null } } } },
}
t.case "keeps only them when it is told to" {
  param = { keep = true },
  input = { topic = "orders", headers = MIXED },
  expect = { { headers = { { "authorization", "s3cret" }, { "x-internal-id", "7" }, { "authorization", "more" } } } },
}
t.case "leaves records without headers" { input = { topic = "orders", value = "v" }, expect = { { key = t.null, headers = {} } } }
t.case "leaves tombstones without such headers" {
  input = { topic = "orders", key = "k", headers = { { "Authorization", "x" } } },
  expect = { { value = t.null, headers = { { "Authorization", "x" } } } },
}
t.case "needs headers" { param = { headers = t.null }, refused = "param.headers is needed" }
t.case "needs one at least" { param = { headers = "," }, refused = "param.headers names no header" }
t.case "takes true and false for keep" { param = { keep = "all" }, refused = "param.keep must be true or false" }
