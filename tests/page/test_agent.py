"""The live page of the real program, between mock clusters, in the scenes that it is for."""

import contextlib
import re
import threading

import pytest

import axe
from cluster import Record
from test_page import answer, open_topic, row, text, until

SCRIPT = """local mirror = require "mirror"
local seen = mirror.counter("seen_total", "records that were seen", {"topic"})
return { api = 1, record = function(r)
  if r.key == "poison" then error("this record cannot be read") end
  seen:with(r.topic):inc()
end }"""


@pytest.fixture
def serve(mirror, tmp_path):
    """Starts an agent with an admin API: serve(source, target, script=TEXT, flags) gives it with the address of its page."""
    def start(source, target, *flags, script=None):
        if script:
            (tmp_path / "route.lua").write_text(script, encoding="utf-8")
            flags = ("--script.file", tmp_path / "route.lua", "--script.state.file", tmp_path / "script.state", *flags)
        agent = mirror(source, target, whitelist="orders|payments", consumer={"group.id": "orders-mirror"},
                       flags=("--admin.listen", "127.0.0.1:0", "--admin.state.file", tmp_path / "pauses", *flags))
        return agent, f"http://{agent.wait_event('admin_listening')['address']}/"
    return start


@pytest.fixture
def clusters(source, target):
    for cluster in (source, target):
        cluster.create("orders", 4)
        cluster.create("payments", 2)
    return source, target


@contextlib.contextmanager
def writing(source):
    """Writes to both topics all the time."""
    done = threading.Event()

    def write():
        while not done.wait(0.05):
            source.produce("orders", [Record(b"k%d" % n, b"v" * 400) for n in range(50)])
            source.produce("payments", [Record(b"k%d" % n, b"v" * 150) for n in range(10)])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def press(page, selector):
    page.click(selector)
    page.click("dialog .main")
    return answer(page)


def shows(page, selector, words):
    """Waits until a part of the page shows these words."""
    page.wait_for_selector(f"{selector}:has-text({words!r})", timeout=30_000)


def looks(page, picture, axe_source, name):
    """Keeps pictures of a scene, wide and narrow, in both schemes; nothing is cut off or hard to read."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for size, width, height in (("wide", 1920, 1080), ("narrow", 360, 740)):
            page.set_viewport_size({"width": width, "height": height})
            picture(page, f"agent-{name}-{size}-{scheme}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"wider than {width}"
        assert axe.findings(page, axe_source) == []
    page.set_viewport_size({"width": 1920, "height": 1080})


def test_flowing(serve, clusters, open_page, picture, axe_source):
    source, target = clusters
    agent, url = serve(source, target, script=SCRIPT)
    agent.wait_event("assigned")
    page = open_page(url)
    with writing(source):
        until(page, "view.doc.rates.records_per_second > 100 && view.doc.ready", timeout=30)
        shows(page, "#states", "flowing")
        until(page, "view.doc.history.records_per_second.length > 5")
        open_topic(page, "orders")
        assert page.locator("tr.open tbody tr").count() == 4
        assert re.search(r"orders → orders (flowing|caught up) \d", re.sub(r"\s+", " ", row(page, "orders").inner_text()))
        assert page.locator("#tiles .plot path").nth(1).get_attribute("d").count("L") >= 5
        assert re.search(r"\d ms p50 \d", text(page, "#tiles > :nth-child(4)"))
        shows(page, "#script", "seen_total")
        shows(page, "#events", "assigned")
        looks(page, picture, axe_source, "flowing")
        assert text(page, "#source").startswith("Source reachable") and text(page, "#target").startswith("Target reachable")
    assert agent.stop() == 0


def test_one_partition_held_by_a_poison_record(serve, clusters, open_page, picture, axe_source):
    source, target = clusters
    agent, url = serve(source, target, script=SCRIPT)
    agent.wait_event("assigned")
    page = open_page(url)
    source.produce("orders", [Record(b"poison", b"x", partition=2)])
    agent.wait_event("script_failed", partition=2)
    shows(page, "#trouble tbody", "orders:2")
    assert re.search(r"orders:2 held .*this record cannot be read", text(page, "#trouble tbody tr"))
    shows(page, "#states", "1 held")
    shows(page, "#events", "script_failed")
    source.produce("orders", [Record(b"k", b"x", partition=p) for p in (0, 1, 3)])
    target.read("orders", 3)
    shows(page, "#totals", "3 records")
    page.click("#trouble tbody button")
    assert answer(page) == "nothing was paused; 1 held partition is offered again"
    agent.wait_event("script_failed", partition=2, count=2)
    open_topic(page, "orders")
    looks(page, picture, axe_source, "held")
    assert press(page, "tr.open tbody tr:nth-child(2) button")
    shows(page, "#pauses", "orders:1")
    shows(page, "tr.open tbody tr:nth-child(2)", "paused")
    page.click("#pauses button:has-text('Resume')")
    shows(page, "#pauses", "Nothing is paused.")
    assert agent.find("revoked") == [], "a pause costs no rebalance"


def test_target_away(serve, clusters, open_page, picture, axe_source):
    source, target = clusters
    agent, url = serve(source, target)
    agent.wait_event("assigned")
    page = open_page(url)
    with writing(source):
        until(page, "view.doc.rates.records_per_second > 0", timeout=30)
        target.down()
        agent.wait_event("target_unreachable")
        shows(page, "#target", "not reachable")
        shows(page, "#events", "target_unreachable")
        until(page, "view.doc.lag_records > 1000", timeout=30)
        looks(page, picture, axe_source, "target-away")
        target.up()
        shows(page, "#target", " reachable")
        until(page, "view.doc.target.reachable && view.doc.rates.records_per_second > 0", timeout=60)


def test_reload_refused(serve, clusters, open_page, picture, axe_source, tmp_path):
    source, target = clusters
    agent, url = serve(source, target, script=SCRIPT)
    agent.wait_event("assigned")
    page = open_page(url)
    page.expected = ("409",)
    (tmp_path / "route.lua").write_text("return {", encoding="utf-8")
    assert "route.lua:1:" in press(page, "#reload")
    shows(page, "#refused", "route.lua:1:")
    shows(page, "#script", "1 refused")
    looks(page, picture, axe_source, "reload-refused")
    page.click("#answer button")
    (tmp_path / "route.lua").write_text(SCRIPT + "\n", encoding="utf-8")
    assert press(page, "#reload")
    page.wait_for_selector("#refused", state="hidden")
    page.click("#answer button")
    assert press(page, "#rollback")
    shows(page, "#script", "1 rolled back")


def test_token_limit_and_log_level(serve, clusters, open_page, tmp_path):
    source, target = clusters
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    token.chmod(0o600)
    agent, url = serve(source, target, "--admin.token.file", token)
    agent.wait_event("assigned")
    page = open_page(url)
    page.expected = ("401", "400")
    page.click("#limit")
    page.fill("dialog [name=limit]", "fast")
    page.click("dialog .main")
    page.wait_for_selector("#dialog-title:has-text('wants a token')")
    page.fill("dialog [name=token]", "s3cret")
    page.click("dialog .main")
    assert "fast" in answer(page), "a limit that is none is refused with a sentence"
    page.click("#answer button")
    page.click("#limit")
    page.fill("dialog [name=limit]", "2MB/s")
    page.fill("dialog [name=topic]", "orders")
    page.click("dialog .main")
    assert answer(page)
    shows(page, "#limits", "orders: 2MB/s")
    shows(page, "#topics tbody", "2MB/s")
    page.click("#answer button")
    page.click("#level")
    page.select_option("dialog select", "debug")
    page.click("dialog .main")
    assert answer(page)
    shows(page, "#facts", "debug and worse")
    page.select_option("#least", "debug")
    source.produce("orders", [Record(b"k", b"v")])
    shows(page, "#events li", "committed")


def test_the_agent_stops(serve, clusters, open_page):
    agent, url = serve(*clusters)
    agent.wait_event("assigned")
    page = open_page(url)
    page.expected = ("ERR_",)
    shows(page, "#events", "assigned")
    assert agent.stop() == 0
    page.wait_for_selector("#gone:not([hidden])")
    assert text(page, "#gone-text") == "The agent does not answer: it cannot be reached."
