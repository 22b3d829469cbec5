local t = require "mirror.test"
t.script "fold_partitions.lua"
t.topics { orders = 4 }

t.check("folds onto what the target has", function(s)
  for p = 0, 11 do
    t.equal(s.partition({ topic = "orders", partition = p, partitions = 12 }, { topic = "orders", partitions = 4 }), p % 4)
  end
end)
t.check("leaves what fits", function(s)
  t.equal(s.partition({ topic = "orders", partition = 3, partitions = 4 }, { topic = "orders", partitions = 8 }), 3)
end)
t.check("says when the target's count is not known", function(s)
  local ok, why = pcall(s.partition, { topic = "orders", partition = 1, partitions = 4 }, { topic = "orders", partitions = 0 })
  t.equal(ok, false)
  t.equal(why:find("give param.count", 1, true) ~= nil, true, why)
end)
t.case "sends a record there" {
  input = { topic = "orders", partition = 11, partitions = 12, key = "k", value = "v" },
  expect = { { topic = "orders", partition = 3, key = "k", value = "v" } },
}
t.case "and one without a key" {
  input = { topic = "orders", partition = 6, partitions = 12, value = "v" },
  expect = { { topic = "orders", partition = 2, key = t.null } },
}
t.case "and a tombstone" {
  input = { topic = "orders", partition = 4, partitions = 12, key = "k" },
  expect = { { topic = "orders", partition = 0, value = t.null } },
}
t.case "onto fewer than there are" {
  param = { count = 2 },
  input = { topic = "orders", partition = 11, partitions = 12, key = "k" },
  expect = { { topic = "orders", partition = 1 } },
}
t.case "leaves other topics" {
  param = { topics = "users" },
  input = { topic = "orders", partition = 11, partitions = 12, key = "k" },
  expect = { { topic = "orders", partition = t.by_key } },
}
t.case "refuses no partitions" { param = { count = 0 }, refused = "param.count must be a whole number from 1" }
t.case "refuses half partitions" { param = { count = 2.5 }, refused = "param.count must be a whole number from 1" }
t.case "refuses words" { param = { count = "few" }, refused = "param.count must be a number" }
