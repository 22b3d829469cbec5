-- Counters and gauges: mirror.counter, mirror.gauge.
local private = ...
local ffi, library = private.ffi, private.library
local seat = require "mirror.seat"
local want, fail = seat.want, seat.fail
local COUNTER, GAUGE = 0, 1

local Counter, Gauge, Family = {}, {}, {}
Counter.__index, Gauge.__index, Family.__index = Counter, Gauge, Family
local classes = { [COUNTER] = Counter, [GAUGE] = Gauge }

-- level: of the caller, as error counts here; a call that is the last thing of a function does not count.
local function new(kind, name, help, names, values, level)
  local n = #names
  local c_names, c_values = ffi.new("const char *[?]", n + 1), ffi.new("const char *[?]", n + 1)
  for i = 1, n do
    c_names[i - 1], c_values[i - 1] = names[i], values[i]
  end
  local cell = library.cell(seat.seat, kind, name, help, c_names, c_values, n)
  if cell == nil then fail(level) end
  return setmetatable({ cell = cell }, classes[kind])
end

local function text_of(value, name)
  if type(value) == "number" or type(value) == "boolean" then return tostring(value) end
  return want("string", value, "the label " .. tostring(name))
end

local function declare(kind, name, help, labels)
  want("string", name, "name")
  want("string", help, "help")
  labels = labels == nil and {} or want("table", labels, "labels")
  if labels[1] ~= nil then
    for i, label in ipairs(labels) do want("string", label, "label " .. i) end
    return setmetatable({ kind = kind, name = name, help = help, labels = labels, made = {} }, Family)
  end
  local names, values = {}, {}
  for label in pairs(labels) do names[#names + 1] = want("string", label, "a label's name") end
  table.sort(names)
  for i, label in ipairs(names) do values[i] = text_of(labels[label], label) end
  return new(kind, name, help, names, values, 2)
end

--- mirror.counter(name, help[, labels]): a number that only grows, shown with the agent's metrics, summed over streams and reloads.
-- phase: any; best while the script is loaded
-- name: string of letters, digits and _ that ends in _total and begins neither with reflejo_ nor process_
-- help: string, what is counted
-- labels: { name = value, ... } for one counter; { "name", ... } for one a set of values, see family:with
-- returns: a counter, or a family
-- raises: the name is not fit, is a gauge's or has other labels already, more than 200 names
-- cost: some microseconds
-- example:
--   local bad = mirror.counter("bad_customer_total", "records without a customer id")
--   bad:inc()
function Family.counter(name, help, labels)
  return declare(COUNTER, name, help, labels)
end

--- mirror.gauge(name, help[, labels]): a number that goes up and down, shown with the agent's metrics, summed over streams. It
-- begins at 0 with every reload.
-- phase: any; best while the script is loaded
-- name: string of letters, digits and _ that neither ends in _total nor begins with reflejo_ or process_
-- help: string, what is measured
-- labels: { name = value, ... } for one gauge; { "name", ... } for one a set of values, see family:with
-- returns: a gauge, or a family
-- raises: the name is not fit, is a counter's or has other labels already, more than 200 names
-- cost: some microseconds
-- example:
--   local open = mirror.gauge("sessions_open", "sessions without an end", { region = "eu" })
--   open:set(5)
function Family.gauge(name, help, labels)
  return declare(GAUGE, name, help, labels)
end

--- counter:inc([n]): counts.
-- phase: any
-- n: number, not negative; 1 when absent
-- returns: nothing
-- raises: n is negative or not a number
-- cost: 2 ns
-- example:
--   mirror.counter("seen_bytes_total", "bytes of values"):inc(1024)
function Counter:inc(n)
  local cell = self.cell
  if n == nil then n = 1 end
  if type(n) ~= "number" or not (n >= 0) then error("a counter grows by a number that is not negative", 2) end
  cell._value = cell._value + n
end

--- gauge:set(n), gauge:inc([n]), gauge:dec([n]): sets the gauge, or adds to it and takes from it.
-- phase: any
-- n: number; 1 when absent (inc, dec)
-- returns: nothing
-- raises: n is not a number
-- cost: 2 ns
-- example:
--   local held = mirror.gauge("held_back", "records that wait for their pair")
--   held:set(3) held:inc() held:dec(2)
function Gauge:set(n)
  self.cell._value = want("number", n, "n")
end

function Gauge:inc(n)
  local cell = self.cell
  cell._value = cell._value + (n == nil and 1 or want("number", n, "n"))
end

function Gauge:dec(n)
  local cell = self.cell
  cell._value = cell._value - (n == nil and 1 or want("number", n, "n"))
end

--- family:with(value, ...): the counter or gauge of these label values, in the order in which the labels were named.
-- phase: any
-- value: string, number or boolean; UTF-8, at most 128 bytes. Never a key or anything else without bound.
-- returns: a counter or gauge
-- raises: as many values as labels are needed; more than 2000 sets of all metrics together
-- cost: 20 ns for one label, 150 ns for more; some microseconds the first time
-- example:
--   local by_region = mirror.counter("region_total", "records of a region", { "region" })
--   by_region:with("eu"):inc()
function Family:with(...)
  local n = select("#", ...)
  if n ~= #self.labels then error(self.name .. " has " .. #self.labels .. " labels, not " .. n, 2) end
  local first = ...
  if n == 1 and self.made[first] then return self.made[first] end
  local values = { ... }
  for i = 1, n do values[i] = text_of(values[i], self.labels[i]) end
  local key = table.concat(values, "\0")
  local made = self.made[key]
  if not made then
    made = new(self.kind, self.name, self.help, self.labels, values, 3)
    self.made[key] = made
  end
  return made
end

return { counter = Family.counter, gauge = Family.gauge }
