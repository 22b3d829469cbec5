-- Tests of scripts: local t = require "mirror.test". See lua/README.md, chapter "Tests".
local private = ...
local tester, null = private.tester, private.null
if not tester then error("mirror.test is for test files, which reflejo test runs", 0) end

local t = { null = null, by_key = setmetatable({}, { __tostring = function() return "by key" end }) }
local cases = {}
local setup = { params = {}, partitions = {}, maps = {} }

-- Adds parameters; t.null takes one away.
local function add_params(to, params)
  for name, value in pairs(params) do to[name] = not rawequal(value, null) and tostring(value) or nil end
end

add_params(setup.params, private.params)

-- The folder of the test file, for the script's name.
local folder = private.file:match "^(.*/)" or ""

function t.script(file) setup.script = file:sub(1, 1) == "/" and file or folder .. file end
function t.param(params) add_params(setup.params, params) end
function t.args(text) setup.args = text end
function t.topics(partitions) for topic, count in pairs(partitions) do setup.partitions[topic] = count end end
function t.map(file, content) setup.maps[file] = content end
function t.clock(ms) setup.now = ms end

-- What is expected instead of a record.
local function outcome(kind, field)
  return function(v) return { kind = kind, [field] = v } end
end
t.dead_letter, t.error, t.retry = outcome("dead_letter", "reason"), outcome("error", "reason"), outcome("retry", "wait_ms")
t.drop = setmetatable({ kind = "drop" }, { __call = function(_, reason) return { kind = "drop", reason = reason } end })

local function copy(from)
  local to = {}
  for key, value in pairs(from) do to[key] = value end
  return to
end

-- What holds for a case that is written now: what the file says later is for later ones.
local function setup_now()
  local with = copy(setup)
  with.params, with.partitions, with.maps = copy(setup.params), copy(setup.partitions), copy(setup.maps)
  return with
end

-- before: a subject whose script is reloaded.
local function open(with, before)
  local script = with.script or private.script_file
  if not script then error("the test file must name its script: t.script \"FILE\"", 0) end
  local subject, why = tester.open(script, with.params, with.args, with.partitions, { now = with.now, maps = with.maps }, before)
  if not subject then error(why, 0) end
  return subject
end

-- Where the script's route sends the record, unless the test says it.
local function set_route(subject, with, out)
  if out.routed ~= nil or out.topic == nil then return end
  local name, rule = tester.route(subject, out.topic, out.partitions)
  if not name then error("route() does not mirror " .. out.topic, 0) end
  out.routed = name
  if rule == "preserve" then out.routed_partition = out.partition or 0 end
  if rule == "map" then
    out.routed_partition =
      tester.partition(subject, out.topic, out.partition or 0, out.partitions or 1, name, with.partitions[name] or 0)
  end
end

-- What an input may have, and of which type; an expected record is compared by these names.
local INPUT = {
  topic = "string", key = "string", value = "string", partition = "number", offset = "number", timestamp = "number",
  partitions = "number", headers = "table", routed = "string", routed_partition = "number",
}
local EXPECTED = { topic = true, key = true, value = true, partition = true, timestamp = true, headers = true }

local function check_list(list, what)
  if type(list) ~= "table" then error(what .. " is a list: { { topic = ... }, ... }", 0) end
  for key, item in pairs(list) do
    if type(key) ~= "number" or type(item) ~= "table" then error(what .. " is a list: { { topic = ... }, ... }", 0) end
  end
end

local function check_headers(headers)
  for key, pair in pairs(headers) do
    local is_pair = type(key) == "number" and type(pair) == "table" and type(pair[1]) == "string"
    local value = is_pair and pair[2]
    if not is_pair or not (value == nil or rawequal(value, null) or type(value) == "string") then
      error("headers is a list of { name, value }", 0)
    end
  end
end

-- What the program keeps in 32 bits.
local WHOLE = { partition = true, partitions = true, routed_partition = true }

local function check_input(record)
  if type(record) ~= "table" then error("an input is a table: { topic = ... }", 0) end
  for name, value in pairs(record) do
    local kind = INPUT[name]
    if not kind then error("an input has no field '" .. tostring(name) .. "'" .. private.nearest(name, INPUT), 0) end
    if not rawequal(value, null) and type(value) ~= kind then
      error("an input's " .. name .. " must be a " .. kind .. ", not a " .. type(value), 0)
    end
    if WHOLE[name] and type(value) == "number" and not (value % 1 == 0 and value >= -1 and value < 2 ^ 31) then
      error("an input's " .. name .. " must be a whole number from 0 to 2147483647", 0)
    end
  end
  if record.headers and not rawequal(record.headers, null) then check_headers(record.headers) end
end

local function check_expected(record)
  if record.kind then return end
  for name in pairs(record) do
    if not EXPECTED[name] then
      error("an expected record has no field '" .. tostring(name) .. "'" .. private.nearest(name, EXPECTED), 0)
    end
  end
  if record.headers then check_headers(record.headers) end
end

-- A record for C: mirror.null is no field.
local function plain(subject, with, record)
  check_input(record)
  local out = {}
  for key, value in pairs(record) do
    if not rawequal(value, null) then out[key] = value end
  end
  if out.headers then
    out.headers = {}
    for i, pair in ipairs(record.headers) do
      out.headers[i] = { pair[1], not rawequal(pair[2], null) and pair[2] or nil }
    end
  end
  set_route(subject, with, out)
  return out
end

local function show(v)
  if v == nil or rawequal(v, null) then return "null" end
  if type(v) == "string" then return ("%q"):format(v):gsub("\n", "n") end
  if type(v) ~= "table" or getmetatable(v) then return tostring(v) end
  local parts = {}
  for i, pair in ipairs(v) do parts[i] = show(pair[1]) .. "=" .. show(pair[2]) end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local function same_headers(want, got)
  if #want ~= #got then return false end
  for i, pair in ipairs(want) do
    local value = not rawequal(pair[2], null) and pair[2] or nil
    if pair[1] ~= got[i][1] or value ~= got[i][2] then return false end
  end
  return true
end

local function same(name, want, got)
  if name == "headers" then return same_headers(want, got) end
  if rawequal(want, t.by_key) then return got == nil or got == -1 end
  if rawequal(want, null) then want = nil end
  if name == "partition" and got == -1 then got = nil end
  if name == "timestamp" and got == -1 then got = nil end
  return want == got
end

local function described(output)
  if output.kind == "record" then return ("a record to %s with key %s"):format(output.topic, show(output.key)) end
  return output.kind .. (output.reason and output.reason ~= "" and " (" .. output.reason .. ")" or "")
end

-- The same for what a test writes, which need not say everything.
local function described_want(want)
  if want.kind then return described(want) end
  return "a record to " .. (want.topic or "any topic") .. (want.key ~= nil and " with key " .. show(want.key) or "")
end

-- What differs between one expected output and the one that came, as lines.
local function compare(want, got, lines, prefix)
  local kind = want.kind or "record"
  if got == nil then
    lines[#lines + 1] = prefix .. "expected " .. described_want(want) .. ", and there is none"
    return
  end
  if kind ~= got.kind then
    lines[#lines + 1] = prefix .. "expected " .. described_want(want) .. ", got " .. described(got)
    return
  end
  if kind == "error" then
    if want.reason and not got.reason:find(want.reason, 1, true) then
      lines[#lines + 1] = prefix .. "error: expected one with " .. show(want.reason) .. ", got " .. show(got.reason)
    end
    return
  end
  for _, name in ipairs { "topic", "key", "value", "partition", "timestamp", "headers", "reason", "wait_ms" } do
    if want[name] ~= nil and not same(name, want[name], got[name]) then
      lines[#lines + 1] = ("%s%s: expected %s, got %s"):format(prefix, name, show(want[name]), show(got[name]))
    end
  end
end

local KNOWN = { input = true, inputs = true, expect = true, refused = true, param = true, clock = true }

-- The script must not load, with this in the message.
local function expect_refusal(with, text)
  local ok, why = pcall(open, with)
  if ok then error("expected the script to be refused with " .. show(text) .. ", and it was loaded", 0) end
  if not why:find(text, 1, true) then error("refused: expected " .. show(text) .. ", got " .. show(why), 0) end
end

local function run_case(spec, with)
  for name in pairs(spec) do
    if not KNOWN[name] then
      error("a case has no field '" .. tostring(name) .. "'" .. private.nearest(name, KNOWN), 0)
    end
  end
  if spec.param then add_params(with.params, spec.param) end
  with.now = spec.clock or with.now
  if spec.refused then return expect_refusal(with, spec.refused) end
  if not spec.input and not spec.inputs then error("a case needs an input", 0) end
  local inputs, expect = spec.inputs or { spec.input }, spec.expect or {}
  check_list(inputs, "inputs")
  check_list(expect, "expect")
  for _, record in ipairs(expect) do check_expected(record) end
  local subject, got, lines = open(with), {}, {}
  for _, input in ipairs(inputs) do
    for _, output in ipairs(tester.run(subject, plain(subject, with, input))) do got[#got + 1] = output end
  end
  -- A record that is left out without a word need not be expected.
  if #expect == 0 then
    local rest = {}
    for _, output in ipairs(got) do
      if output.kind ~= "drop" then rest[#rest + 1] = output end
    end
    got = rest
  end
  for i = 1, math.max(#expect, #got) do
    local prefix = #expect > 1 and "output " .. i .. ": " or ""
    if expect[i] then
      compare(expect[i], got[i], lines, prefix)
    else
      lines[#lines + 1] = prefix .. "not expected: " .. described(got[i])
    end
  end
  if #lines > 0 then error(table.concat(lines, "\n"), 0) end
end

-- t.case "name" { input = , expect = { ... } }, or { param = , refused = "text" }
function t.case(name)
  return function(spec)
    local with = setup_now()
    cases[#cases + 1] = { name = name, run = function() run_case(spec, with) end }
  end
end

-- "; did you mean 't.case'?", or "".
local function near(name, prefix, there)
  return (private.nearest(name, there):gsub("'(.*)'", "'" .. prefix .. "%1'"))
end

-- t.check("name", function(s) ... end): s asks the script's other hooks.
function t.check(name, body)
  local with = setup_now()
  cases[#cases + 1] = {
    name = name,
    run = function()
      local subject = open(with)
      local s = {
        topics = function(topic, partitions) return tester.topics(subject, topic, partitions) end,
        route = function(topic, partitions) return tester.route(subject, topic, partitions) end,
        partition = function(src, dst)
          return tester.partition(subject, src.topic, src.partition, src.partitions, dst.topic or src.topic, dst.partitions)
        end,
        run = function(record) return tester.run(subject, plain(subject, with, record)) end,
        reload = function() subject = open(with, subject) end,
      }
      body(setmetatable(s, { __index = function(_, field) private.raise("there is no s." .. tostring(field) .. near(field, "s.", s)) end }))
    end,
  }
end

function t.equal(got, want, what)
  if got ~= want then error((what and what .. ": " or "") .. "expected " .. show(want) .. ", got " .. show(got), 2) end
end

-- Runs the cases; gives a list of { name, why or nil }.
function tester.finish()
  local results = {}
  for i, case in ipairs(cases) do
    local ok, why = pcall(case.run)
    results[i] = { case.name, not ok and tostring(why):gsub("^lua/[%w/_]+%.lua:%d+: ", "") or nil }
  end
  return results
end

-- One record a line, as JSON: {"topic":, "partition":, "key":, "value": or "value_b64":, "headers": [[name, value]], "timestamp":}.
local function record_of(line, number, file)
  local mirror = private.require "mirror"
  local record, why = mirror.json.decode(line)
  if type(record) ~= "table" or rawequal(record, null) then
    error(("%s:%d: %s"):format(file, number, why or "is no JSON object"), 0)
  end
  for _, name in ipairs { "key", "value" } do
    local encoded = record[name .. "_b64"]
    record[name .. "_b64"] = nil
    if encoded and not rawequal(encoded, null) then
      local bytes = type(encoded) == "string" and mirror.base64.decode(encoded)
      record[name] = bytes or error(("%s:%d: %s_b64 is no base64"):format(file, number, name), 0)
    end
  end
  if type(record.topic) ~= "string" then error(("%s:%d: a record needs a topic"):format(file, number), 0) end
  return record
end

function tester.records(text, file)
  setup.script = private.file
  local out, number, subject = {}, 0, open(setup)
  for line in text:gmatch "[^\n]+" do
    number = number + 1
    local record = record_of(line, number, file)
    local ok, input = pcall(plain, subject, setup, record)
    if not ok then error(("%s:%d: %s"):format(file, number, input), 0) end
    for _, output in ipairs(tester.run(subject, input)) do
      local changes = {}
      for _, name in ipairs { "topic", "key", "value", "timestamp", "headers" } do
        local was, now = record[name], output[name]
        if rawequal(was, null) then was = nil end
        if output.kind == "record" and not (name == "headers" and same_headers(was or {}, now) or name ~= "headers" and same(name, was, now)) then
          changes[#changes + 1] = ("  %s: %s -> %s"):format(name, show(was), show(now))
        end
      end
      if output.kind == "record" and output.partition ~= (input.routed_partition or -1) and output.partition >= 0 then
        changes[#changes + 1] = "  partition: " .. output.partition
      end
      out[#out + 1] = ("%d: %s%s"):format(number, described(output), #changes == 0 and output.kind == "record" and ", unchanged" or "")
      for _, change in ipairs(changes) do out[#out + 1] = change end
    end
  end
  return table.concat(out, "\n")
end

return setmetatable(t, {
  __index = function(_, name) private.raise("there is no t." .. tostring(name) .. near(name, "t.", t)) end,
  __newindex = function(_, name) private.raise("there is no t." .. tostring(name)) end,
})
