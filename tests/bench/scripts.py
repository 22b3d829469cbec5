"""The scripts, and flags, that are measured against a mirror without one. Values are JSON: {"id":N,"region":"eu"|"us","text":"..."}."""

PASSES, DROPS = True, False  # does every record arrive at the target?

SCRIPTS = {
    "topic hooks only": (PASSES, """
        return { api = 1, topics = function(t) return nil end, route = function(t) return t.name end }"""),
    "no-op record": (PASSES, """
        return { api = 1, record = function(r) end }"""),
    "key prefix filter": (PASSES, """
        return { api = 1, record = function(r) return r:key_has_prefix "0" end }"""),
    "key rewrite": (PASSES, """
        return { api = 1, record = function(r) r.key = "k" .. r.key end }"""),
    "header add": (PASSES, """
        return { api = 1, record = function(r) r.headers:add("origin", "dc1") end }"""),
    "JSON field route": (PASSES, """
        local mirror = require "mirror"
        local targets = {}
        return { api = 1, record = function(r)
          local region = mirror.json.get(r, "region")
          if region ~= "eu" and region ~= "us" then return r:drop "region" end
          r.topic = r.topic
        end }"""),
    "drop everything": (DROPS, """
        return { api = 1, record = function(r) return false end }"""),
}

# Flags that are measured likewise, without a script.
FLAGS = {
    # By the group's positions the bench sees how far it is; else they are copied every five seconds.
    "exactly.once": ("--exactly.once", "true", "--offset.commit.interval.ms", "100"),
    "provenance": ("--provenance", "true"),
    "provenance and loop.drop": ("--provenance", "true", "--loop.drop", "true"),
}


def json_values(rng, size):
    """1,000 JSON documents of size bytes."""
    values = []
    for i in range(1000):
        head = b'{"id":%d,"region":"%s","text":"' % (10000 + i, rng.choice((b"eu", b"us")))
        text = bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz ", k=max(size - len(head) - 2, 0)))
        values.append(head + text + b'"}')
    return values
