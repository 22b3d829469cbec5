local t = require "mirror.test"
t.script "mask_fields.lua"
t.param { fields = "email, cards.*.number" }
local VALUE = '{ "email":"ann@example.org", "cards": [{"number": 4111111111111111}], "n": 1.50 }'

t.case "hides the fields and nothing else" {
  input = { topic = "crm", key = "k", value = VALUE, headers = { { "a", "1" } } },
  expect = { {
    topic = "crm", key = "k", value = '{ "email":"***", "cards": [{"number": "***"}], "n": 1.50 }', partition = t.by_key,
    headers = { { "a", "1" } },
  } },
}
t.case "takes another text" {
  param = { text = "(hidden)" },
  input = { topic = "crm", value = '{"email":"a"}' },
  expect = { { key = t.null, value = '{"email":"(hidden)"}' } },
}
t.case "keeps the last characters" {
  param = { how = "last" },
  input = { topic = "crm", value = '{"email":"ann@example.org"}' },
  expect = { { value = '{"email":"***********.org"}' } },
}
t.case "keeps as many as it is told to" {
  param = { how = "last", keep = 0 },
  input = { topic = "crm", value = '{"email":"ann"}' },
  expect = { { value = '{"email":"***"}' } },
}
t.case "hashes" {
  param = { how = "hash", secret = "key" },
  input = { topic = "crm", value = '{"email":"The quick brown fox jumps over the lazy dog"}' },
  expect = { { value = '{"email":"f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"}' } },
}
t.case "leaves values without the fields" {
  inputs = { { topic = "crm", value = '{"a":  1}' }, { topic = "crm", value = '{"email":null}' }, { topic = "crm", value = "[]" } },
  expect = { { value = '{"a":  1}' }, { value = '{"email":null}' }, { value = "[]" } },
}
t.case "keeps tombstones" { input = { topic = "crm", key = "k" }, expect = { { key = "k", value = t.null } } }
t.case "puts aside what is not JSON" {
  inputs = { { topic = "crm", value = "ann@example.org" }, { topic = "crm", value = "" }, { topic = "crm", value = '{"email":"a"' } },
  expect = { t.dead_letter "not JSON", t.dead_letter "not JSON", t.dead_letter "not JSON" },
}
t.case "needs fields" { param = { fields = t.null }, refused = "param.fields is needed" }
t.case "needs one at least" { param = { fields = " " }, refused = "param.fields names no field" }
t.case "refuses what is no path" { param = { fields = "a..b" }, refused = "path" }
t.case "knows three masks" { param = { how = "rot13" }, refused = "param.how must be fixed, last or hash" }
t.case "needs a secret for hashes" { param = { how = "hash" }, refused = "param.secret is needed" }
t.case "refuses an empty secret" { param = { how = "hash", secret = "" }, refused = "param.secret is empty" }
t.case "refuses to keep half a character" { param = { how = "last", keep = 1.5 }, refused = "param.keep must be a whole number" }
