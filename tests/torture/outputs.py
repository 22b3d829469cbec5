"""What the script of the run makes of each record: the same rule in Lua, for the agents, and here, for the checker. It follows from
the record's number alone, so that nothing needs to be remembered."""

TOPIC, MORE = "torture", "torture-more"
TOPICS = (TOPIC, MORE)

# Every generation has the same rule; what it is not told of, records of other topics, goes through as it is.
SCRIPT = """
local mirror = require "mirror"
local seen = mirror.counter("torture_records_total", "records seen by generation %d")
return { api = 1, record = function(r)
  seen:inc()
  if r.source_topic ~= "torture" then return end
  local n = tonumber(r.value:match "^%%d+:(%%d+):")
  if n %% 7 == 3 then r.topic = "torture-more" return end
  if n %% 5 == 0 then r:emit { topic = "torture-more" } end
  if n %% 13 == 6 then return r:drop "torture" end
end }
"""


def is_in(topic, number):
    """Is the record of this number, of whatever partition, at the target in that topic?"""
    if number % 7 == 3:
        return topic == MORE
    return number % 5 == 0 if topic == MORE else number % 13 != 6


def share(topic, records):
    """Those of the source's records that must be in that topic of the target."""
    return [record for record in records if is_in(topic, record.number)]


def share_acked(topic, acked):
    """Likewise of the numbers that the source acknowledged, by partition."""
    return [{number for number in numbers if is_in(topic, number)} for numbers in acked]
