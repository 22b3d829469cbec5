local t = require "mirror.test"
local NOW = 1700000000000
t.script "drop_duplicates.lua"
t.param { seconds = 60 }

local function record(offset, key, value, seconds, headers)
  return { topic = "a", offset = offset, key = key, value = value, timestamp = NOW + (seconds or 0) * 1000, headers = headers }
end

t.case "drops the second one" {
  inputs = { record(1, "k", "v"), record(2, "k", "v", 59) },
  expect = { { topic = "a", key = "k", value = "v", partition = t.by_key }, t.drop "duplicate" },
}
t.case "forgets after the window" {
  inputs = { record(1, "k", "v"), record(2, "k", "v", 60) },
  expect = { { key = "k" }, { key = "k" } },
}
t.case "looks at key and value" {
  inputs = { record(1, "k", "v"), record(2, "k", "w"), record(3, "l", "v") },
  expect = { { value = "v" }, { value = "w" }, { key = "l" } },
}
t.case "tells null from empty" {
  inputs = {
    record(1, "k", t.null), record(2, "k", ""), record(3, t.null, "v"), record(4, "", "v"), record(5, t.null, t.null), record(6, "", t.null),
  },
  expect = { { value = t.null }, { value = "" }, { key = t.null }, { key = "" }, { key = t.null }, { key = "" } },
}
t.case "drops second tombstones and null keys, too" {
  inputs = { record(1, "k", t.null), record(2, "k", t.null), record(3, t.null, "v"), record(4, t.null, "v") },
  expect = { { value = t.null }, t.drop "duplicate", { key = t.null }, t.drop "duplicate" },
}
t.case "mirrors a record that is offered again" {
  inputs = { record(1, "k", "v"), record(1, "k", "v") },
  expect = { { key = "k" }, { key = "k" } },
}
t.case "remembers for each partition" {
  inputs = { record(1, "k", "v"), { topic = "a", partition = 1, offset = 1, key = "k", value = "v", timestamp = NOW }, record(2, "k", "v") },
  expect = { { key = "k" }, { key = "k" }, t.drop "duplicate" },
}
t.case "takes the clock where there is no timestamp" {
  inputs = { { topic = "a", offset = 1, key = "k" }, { topic = "a", offset = 2, key = "k" } },
  expect = { { key = "k" }, t.drop "duplicate" },
}
t.case "forgets the oldest when there are too many" {
  param = { entries = 2 },
  inputs = { record(1, "a", "v"), record(2, "b", "v"), record(3, "c", "v"), record(4, "b", "v"), record(5, "a", "v") },
  expect = { { key = "a" }, { key = "b" }, { key = "c" }, t.drop "duplicate", { key = "a" } },
}
t.case "goes by key" {
  param = { id = "key" },
  inputs = { record(1, "k", "v"), record(2, "k", "w"), record(3, t.null, "v"), record(4, t.null, "v") },
  expect = { { key = "k" }, t.drop "duplicate", { key = t.null }, { key = t.null } },
}
t.case "goes by a header" {
  param = { id = "header:id" },
  inputs = {
    record(1, "k", "v", 0, { { "id", "1" } }), record(2, "l", "w", 0, { { "id", "1" } }), record(3, "k", "v"), record(4, "k", "v"),
    record(5, "k", "v", 0, { { "id", t.null } }), record(6, "k", "v", 0, { { "id", t.null } }),
  },
  expect = { { key = "k" }, t.drop "duplicate", { key = "k" }, { key = "k" }, { key = "k" }, { key = "k" } },
}
t.case "goes by a field" {
  param = { id = "json:id" },
  inputs = {
    record(1, "k", '{"id":1}'), record(2, "k", '{"id":1,"a":2}'), record(3, "k", '{"id":"1"}'), record(4, "k", "not json"),
    record(5, "k", "not json"), record(6, "k", t.null), record(7, "k", t.null),
  },
  expect = { { value = '{"id":1}' }, t.drop "duplicate", { value = '{"id":"1"}' }, { key = "k" }, { key = "k" }, { key = "k" }, { key = "k" } },
}
t.check("hands the window over at a reload", function(s)
  t.equal(s.run(record(1, "k", "v"))[1].kind, "record")
  s.reload()
  t.equal(s.run(record(2, "k", "v", 59))[1].kind, "drop")
  t.equal(s.run(record(1, "k", "v"))[1].kind, "record", "the same one, offered again")
  s.reload()
  t.equal(s.run(record(3, "k", "v", 59))[1].kind, "drop")
  t.equal(s.run(record(4, "k", "v", 60))[1].kind, "record", "after the window")
end)
t.case "refuses other identities" { param = { id = "value" }, refused = "param.id must be record, key, header:NAME or json:FIELD" }
t.case "refuses a header without a name" { param = { id = "header:" }, refused = 'not "header:"' }
t.case "refuses a key with a name" { param = { id = "key:a" }, refused = 'not "key:a"' }
t.case "refuses what is no path" { param = { id = "json:a..b" }, refused = "path" }
t.case "refuses no window" { param = { seconds = 0 }, refused = "param.seconds must be more than 0" }
t.case "needs a number" { param = { seconds = "1h" }, refused = "param.seconds must be a number" }
t.case "refuses no entries" { param = { entries = 0 }, refused = "param.entries must be a whole number from 1" }
