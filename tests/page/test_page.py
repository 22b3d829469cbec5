"""The live page against a stub of the admin API: what it shows, how it changes, what it asks for."""

import re
import time

import pytest

import axe
import documents
from test_documents import validator

MAIN = ["flowing", "held", "target-away", "reload-refused"]


def text(page, selector):
    return re.sub(r"\s+", " ", page.locator(selector).first.inner_text()).strip()


def until(page, expression, timeout=15.0):
    """Waits until an expression is true in the page; Playwright's own way needs eval, which the policy forbids to the page."""
    end = time.monotonic() + timeout
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"{expression} did not come true within {timeout} s"
        page.wait_for_timeout(20)


def row(page, topic):
    """The row of a topic."""
    return page.locator("#topics > table > tbody > tr:not(.open)").filter(has=page.get_by_role("button", name=re.compile(rf"^{re.escape(topic)} →")))


def open_topic(page, topic):
    row(page, topic).locator(".name").click()
    page.wait_for_selector("tr.open .scroll:not([hidden]) tbody tr")


def wait_polls(page, stub, polls=2):
    """Waits until so many more answers were shown."""
    page.evaluate("""(polls) => new Promise((resolve, reject) => {
        setTimeout(() => reject('no answer was shown'), 15000);
        const shown = document.querySelector('#facts > :last-child');
        const seen = new MutationObserver((records) => { if (--polls <= 0) { seen.disconnect(); resolve(); } });
        seen.observe(shown, {childList: true, subtree: true, characterData: true});
    })""", polls)


def answer(page):
    page.wait_for_selector("#answer .card")
    return text(page, "#answer .card span")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["wide", "narrow"])
@pytest.mark.parametrize("scene", [*MAIN, "empty", "hostile"])
def test_scenes_are_readable(scene, size, scheme, make_stub, open_page, axe_source, picture):
    page = open_page(make_stub(documents.SCENES[scene]).url, size=size, scheme=scheme)
    page.wait_for_selector("#events li")
    if scene == "held":
        open_topic(page, "orders")
    page.mouse.move(1, 1)
    picture(page, f"{scene}-{size}-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the window"
    assert axe.findings(page, axe_source) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dialogs_and_outages_are_readable(scheme, make_stub, open_page, axe_source, picture):
    stub = make_stub(documents.held)
    page = open_page(stub.url, scheme=scheme)
    page.click("#limit")
    assert axe.findings(page, axe_source) == []
    picture(page, f"dialog-wide-{scheme}")
    page.keyboard.press("Escape")
    page.expected = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_INCOMPLETE", "ERR_EMPTY", "ERR_SOCKET")
    stub.stop()
    page.wait_for_selector("#gone:not([hidden])")
    assert axe.findings(page, axe_source) == []
    picture(page, f"gone-wide-{scheme}")


def test_what_flows_is_shown(make_stub, open_page):
    doc = documents.flowing()
    page = open_page(make_stub(doc).url)
    assert text(page, "h1") == "reflejo orders-mirror"
    assert text(page, "#ready") == "Ready"
    assert text(page, "#source").startswith("Source reachable")
    assert text(page, "#middle") == "80 partitions here 8 limited 64 flowing 8 caught up"
    tiles = [re.sub(r"\s+", " ", tile) for tile in page.locator("#tiles .value").all_inner_texts()]
    assert tiles == ["33,292 records/s", "14.3 MB/s", "44,471 records 5.04 s behind", "14 ms p50 212 ms p99", "5.06 MiB of 64 MiB"]
    values = doc["history"]["records_per_second"]
    assert text(page, "#tiles > :first-child > .soft") == f"{min(values):,.0f} to {max(values):,.0f} in 5 min"
    assert page.locator("#tiles .plot path").nth(1).get_attribute("d").count("L") == 299
    assert page.locator("#tiles .plot path").nth(5).get_attribute("d").count("L") == 279, "unknown values are a gap"
    cells = [re.sub(r"\s+", " ", cell).strip() for cell in row(page, "orders").locator("th, td").all_inner_texts()]
    assert cells == ["orders → east.orders", "flowing", "8,123", "3.49", "1,204", "148 ms", "12 ms / 85 ms", "81", "8 of 12", "", ""]
    assert "Plan: east.audit.log has 6 partitions" in row(page, "audit.log").inner_text()
    assert page.locator("#source time, #script time").first.get_attribute("title") == doc["script"]["loaded"]
    assert text(page, "#totals") .startswith("Read 9,120,334,201 records, 3.92 TB")
    assert page.locator("#trouble").is_hidden()
    assert page.title() == "orders-mirror – reflejo"


def test_what_is_wrong_is_shown(make_stub, open_page):
    page = open_page(make_stub(documents.held).url)
    assert text(page, "#reasons").startswith("Not ready orders:3 is held for 4 min 12 s: the script fails at offset 48211907")
    assert text(page, "#trouble tbody tr").startswith("orders:3 held the script fails at offset 48211907")
    first = page.locator("#topics > table > tbody > tr").first
    assert "held" in first.inner_text() and "orders" in first.inner_text(), "what matters most is on top"
    assert text(page, "#pauses li").startswith("orders.returns, also after a restart by ana (uid 1000), since")
    page = open_page(make_stub(documents.target_away).url)
    assert re.search(r"^Target not reachable .* since .*: Connect to ipv4#10.20.0.4:9093 failed", text(page, "#target"))
    assert page.locator("#tiles .gauge.warn").count() == 1
    page = open_page(make_stub(documents.reload_refused).url)
    assert re.search(r"The last reload was refused; generation 3 goes on.*orders.lua:17: unexpected symbol", text(page, "#refused"))
    assert re.search(r"Last reload refused .*orders.lua:17", text(page, "#script .last"))
    page = open_page(make_stub(documents.empty).url)
    assert text(page, "#dry") == "Dry run: nothing is written" and text(page, "#count") == "No topic matches at the source yet."
    assert page.locator("#reload").is_hidden(), "there is no script to reload"


def test_html_in_names_is_text(make_stub, open_page):
    stub = make_stub(documents.hostile)
    stub.answers["/pause"] = (400, {"error": documents.HOSTILE})
    stub.log("error", documents.HOSTILE, topic=documents.HOSTILE)
    page = open_page(stub.url)
    page.expected = ("400",)
    page.locator("#topics .name").first.click()
    page.wait_for_selector("tr.open .scroll:not([hidden]) tbody tr")
    page.click("tr.open button:has-text('Pause topic')")
    assert documents.HOSTILE in text(page, "#dialog-title")
    page.click("dialog .main")
    assert answer(page) == documents.HOSTILE
    page.wait_for_selector(f"#events li b:has-text('{documents.HOSTILE[:8]}')")
    assert page.evaluate("window.harmed === undefined && !document.querySelector('main img, main script, main b b')")
    for part in ("h1", "#reasons li", "#trouble tbody", "#topics tbody", "#pauses", "#limits", "#script", "#source", "#refused"):
        assert documents.HOSTILE in text(page, part), part
    assert stub.wait_call("/pause") == {"topic": documents.HOSTILE}


def test_partitions_open_on_click_and_stay_open(make_stub, open_page):
    stub = make_stub(documents.held)
    page = open_page(stub.url)
    name = row(page, "orders").locator(".name")
    assert name.get_attribute("aria-expanded") == "false"
    open_topic(page, "orders")
    assert name.get_attribute("aria-expanded") == "true"
    partitions = page.locator("tr.open tbody tr")
    assert partitions.count() == 8
    assert re.search(r"^3 held .* 48,211,910 48,211,907 48,211,954", re.sub(r"\s+", " ", partitions.nth(3).inner_text()))
    page.evaluate("document.querySelector('tr.open').mark = 1")
    open_topic(page, "payments")
    wait_polls(page, stub, 3)
    assert page.locator("tr.open").count() == 2 and page.evaluate("document.querySelector('tr.open').mark === 1")
    asked = {path for path in stub.requests if "topic=" in path}
    assert asked == {"/status?topic=orders", "/status?topic=payments"}, "each in its turn"
    name.click()
    assert page.locator("tr.open").count() == 1 and name.get_attribute("aria-expanded") == "false"


def test_nothing_flickers(make_stub, open_page):
    """With the same document again and again nothing is touched but the time of the answer."""
    stub = make_stub(documents.held())
    page = open_page(stub.url)
    open_topic(page, "orders")
    wait_polls(page, stub, 2)
    touched = page.evaluate("""() => new Promise((resolve, reject) => {
        const touched = []; let polls = 3;
        setTimeout(() => reject(`no answers were shown, and touched ${touched}`), 15000);
        const shown = document.querySelector('#facts > :last-child');
        const seen = new MutationObserver((records) => {
            for (const record of records) {
                if (!shown.contains(record.target)) touched.push(record.type + ' ' + record.target.outerHTML.slice(0, 120));
                else if (record.type === 'childList' && --polls === 0) { seen.disconnect(); resolve(touched); }
            }
        });
        seen.observe(document.body, {childList: true, subtree: true, characterData: true, attributes: true});
    })""")
    assert touched == []


def test_numbers_change_in_place(make_stub, open_page):
    doc = documents.flowing()
    stub = make_stub(doc)
    page = open_page(stub.url)
    button = row(page, "orders").locator(".name")
    button.focus()
    page.evaluate("document.querySelectorAll('#topics tr').forEach((row) => { row.mark = row.innerText.split(' ')[0]; })")
    doc["topics"][0]["records_per_second"] = 4321.0
    doc["topics"].pop(2)
    doc["topics"].append(documents.topic("refunds", rate=9.0))
    until(page, "document.querySelector('#topics').innerText.includes('4,321')")
    assert button.evaluate("(node) => node === document.activeElement"), "the focus is stolen"
    assert page.locator("#topics").inner_text().count("refunds") == 2
    assert row(page, "payments").count() == 0
    assert row(page, "orders").evaluate("(row) => row.mark") == row(page, "orders").evaluate("(row) => row.innerText.split(' ')[0]"), "a row was made anew"


def test_rows_stay_under_the_pointer(make_stub, open_page):
    doc = documents.flowing()
    stub = make_stub(doc)
    page = open_page(stub.url)
    names = "[...document.querySelectorAll('#topics > table > tbody .name span span:first-child')].map((node) => node.textContent)"
    page.get_by_role("button", name="Records/s").click()
    assert page.evaluate(names)[:2] == ["clicks.web", "orders"]
    assert page.locator("#topics th[aria-sort=ascending]").inner_text().strip().startswith("Records/s")
    row(page, "payments").hover()
    doc["topics"][0]["records_per_second"] = 99_000.0
    wait_polls(page, stub, 2)
    assert page.evaluate(names)[:2] == ["clicks.web", "orders"], "rows moved under the pointer"
    page.mouse.move(1, 1)
    until(page, f"({names})[0] === 'orders'")
    page.get_by_role("button", name="Records/s").click()
    assert page.locator("#topics th[aria-sort=descending]").count() == 1
    page.get_by_role("button", name="Topic", exact=True).click()
    assert page.evaluate(names)[:2] == ["audit.log", "clicks.app"]


def test_thousands_of_topics(make_stub, open_page, picture):
    stub = make_stub(documents.many())
    page = open_page(stub.url)
    assert page.locator("#topics tbody tr").count() == 50
    assert text(page, "#count") == "1 to 50 of 2,000"
    assert "sensor.1234.readings" in text(page, "#topics tbody tr"), "the held one is on top"
    page.click("#next")
    assert text(page, "#count") == "51 to 100 of 2,000" and page.locator("#back").get_attribute("aria-disabled") == "false"
    picture(page, "many-wide-light")
    page.fill("#filter", "123")
    assert text(page, "#count") == "12 of 2,000"
    page.select_option("#only", "held")
    assert text(page, "#count") == "1 of 2,000"
    page.fill("#filter", "no such topic")
    assert text(page, "#count") == "0 of 2,000" and page.locator("#topics tbody tr").count() == 0
    took = page.evaluate("(() => { const began = performance.now(); for (let n = 0; n < 5; n++) render(view.doc); return (performance.now() - began) / 5; })()")
    assert took < 250, f"drawing 2,000 topics takes {took:.0f} ms"


def test_an_agent_that_is_gone(make_stub, open_page):
    stub = make_stub(documents.flowing)
    page = open_page(stub.url)
    page.wait_for_selector("#events li")
    page.expected = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_INCOMPLETE", "ERR_EMPTY", "ERR_SOCKET")
    before = page.locator("#events li").count()
    stub.stop()
    page.wait_for_selector("#gone:not([hidden])")
    assert text(page, "#gone-text") == "The agent does not answer: it cannot be reached."
    until(page, "/What is shown is [1-9] s old/.test(document.querySelector('#gone-age').textContent)")
    assert page.evaluate("getComputedStyle(document.querySelector('main')).filter") == "grayscale(1)"
    assert text(page, "#stream") == "not connected, tried again"
    assert "33,292" in text(page, "#tiles"), "what was known stays"
    page.click("#resume")
    page.click("dialog .main")
    assert answer(page).startswith("The agent did not answer resume; whether it was done is not known.")
    stub.log("info", "start", group="after")
    stub.start()
    page.wait_for_selector("#gone", state="hidden")
    page.wait_for_selector("#events li:has-text('group=after')")
    assert page.locator("#events li").count() == before + 1, "lines that were shown already are not shown again"
    assert text(page, "#stream") == "as they come"


def test_an_agent_that_never_answered(make_stub, open_page):
    stub = make_stub(documents.flowing)
    stub.doc = lambda: {"detail": None}
    page = open_page(stub.url, wait=False)
    page.wait_for_selector("#gone:not([hidden])")
    assert text(page, "#gone-text").startswith("This page cannot show what the agent answers: ")
    stub.doc = documents.flowing
    page.wait_for_selector("#main:not([hidden])")
    page.wait_for_selector("#gone", state="hidden")


def test_the_token_is_asked_for_when_it_is_needed(make_stub, open_page):
    stub = make_stub(documents.flowing)
    stub.token = "s3cret"
    page = open_page(stub.url)
    page.expected = ("401",)
    page.click("#reload")
    page.click("dialog .main")
    page.wait_for_selector("#dialog-title:has-text('This agent wants a token')")
    assert page.locator("dialog input").get_attribute("type") == "password"
    page.click("dialog button:has-text('Cancel')")
    assert answer(page) == "Nothing was changed: no token was given." and stub.calls == []
    page.click("#answer button")
    page.click("#reload")
    page.click("dialog .main")
    page.fill("dialog input", "wrong")
    page.click("dialog .main")
    page.wait_for_selector("dialog p:has-text('It did not take the one that was given.')")
    page.fill("dialog input", "s3cret")
    page.keyboard.press("Enter")
    assert answer(page) == "Done: reload."
    assert stub.refused == [None, None, "Bearer wrong"]
    page.reload()
    page.click("#rollback")
    page.click("dialog .main")
    assert answer(page) == "Done: rollback." and len(stub.refused) == 3, "it is kept for the tab"
    assert page.evaluate("[Object.values(sessionStorage), localStorage.length, document.cookie]") == [["s3cret"], 0, ""]
    page.click("#forget")
    assert page.evaluate("sessionStorage.length") == 0
    page.click("#reload")
    page.click("dialog .main")
    page.wait_for_selector("#dialog-title:has-text('wants a token')")
    page.fill("dialog input", "not ascii é")
    page.click("dialog .main")
    assert answer(page).startswith("Nothing was changed: a token has no blanks")


CALLS = [
    ("everything paused", "#pause", {}, "/pause", "PauseRequest", {}),
    ("paused and kept", "#pause", {"keep": True}, "/pause", "PauseRequest", {"keep": True}),
    ("everything resumed", "#resume", {}, "/resume", "ResumeRequest", {}),
    ("reload", "#reload", {}, "/reload", "Empty", {}),
    ("rollback", "#rollback", {}, "/rollback", "Empty", {}),
    ("limit", "#limit", {"limit": "20MB/s 500r/s"}, "/limit", "LimitRequest", {"limit": "20MB/s 500r/s"}),
    ("limit of a topic", "#limit2", {"limit": "none", "topic": "orders"}, "/limit", "LimitRequest", {"limit": "none", "topic": "orders"}),
    ("log level", "#level", {"level": "debug"}, "/log-level", "LogLevelRequest", {"level": "debug"}),
    ("pause ended", "#pauses button >> nth=1", None, "/resume", "ResumeRequest", {"topic": "payments", "partition": 2}),
    ("limit changed", "#limits button >> nth=0", {"limit": "default"}, "/limit", "LimitRequest", {"limit": "default"}),
    ("live limit changed", "#limits button >> nth=1", {"limit": "none"}, "/limit", "LimitRequest", {"limit": "none", "topic": "payments"}),
    ("held record offered again", "#trouble tbody button", None, "/resume", "ResumeRequest", {"topic": "orders", "partition": 3}),
    ("topic paused", "tr.open button:has-text('Pause topic')", {}, "/pause", "PauseRequest", {"topic": "orders"}),
    ("topic resumed", "tr.open button:has-text('Resume topic')", None, "/resume", "ResumeRequest", {"topic": "orders"}),
    ("limit of an open topic", "tr.open button:has-text('Limit topic')", {"limit": "1MB/s"}, "/limit", "LimitRequest", {"limit": "1MB/s", "topic": "orders"}),
    ("partition of a topic", "tr.open tbody button >> nth=5", {}, "/pause", "PauseRequest", {"topic": "orders", "partition": 5}),
]


@pytest.mark.parametrize("case", CALLS, ids=lambda case: case[0])
def test_calls(case, make_stub, open_page):
    _, selector, fields, path, schema, body = case
    stub = make_stub(documents.held)
    page = open_page(stub.url)
    if "tr.open" in selector:
        open_topic(page, "orders")
    page.click(selector)
    if fields is not None:
        assert stub.calls == [], "not before it was confirmed"
        for name, value in fields.items():
            field = page.locator(f"dialog [name={name}]")
            if value is True:
                field.check()
            elif field.evaluate("(node) => node.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        page.click("dialog .main")
    assert answer(page) == f"Done: {path[1:]}."
    assert stub.calls == [(path, body)]
    validator(schema).validate(body)


def test_a_refusal_is_said(make_stub, open_page):
    stub = make_stub(documents.flowing)
    stub.answers["/reload"] = (409, {"error": "orders.lua:17: unexpected symbol near 'then'; generation 3 goes on."})
    stub.answers["/rollback"] = (500, b"oops")
    page = open_page(stub.url)
    page.expected = ("409", "500")
    page.click("#reload")
    page.click("dialog .main")
    assert answer(page) == "orders.lua:17: unexpected symbol near 'then'; generation 3 goes on."
    assert page.locator("#answer").get_attribute("aria-live") == "polite" and page.locator("#answer .bad").count() == 1
    page.click("#rollback")
    page.click("dialog .main")
    page.wait_for_selector("#answer:has-text('The agent answered 500.')")


def focused(page):
    return page.evaluate("""(() => { const node = document.activeElement;
        return node.getAttribute('aria-label') || node.labels?.[0]?.innerText.trim() || node.innerText?.replace(/\\s+/g, ' ').trim() || node.tagName; })()""")


def test_keyboard_alone_is_enough(make_stub, open_page):
    stub = make_stub(documents.held)
    page = open_page(stub.url)
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(focused(page))
        if seen[-1].startswith("orders →"):
            break
    assert seen[:7] == ["Skip to the topics", "Pause all…", "Resume all…", "Reload script…", "Roll back…", "Limit…", "Topics"]
    assert seen.index("Resume orders:3") < seen.index("Filter") < seen.index("State") < len(seen) - 1, "in the order that they are seen"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "2px"
    page.keyboard.press("Enter")
    page.wait_for_selector("tr.open .scroll:not([hidden]) tbody tr")
    wait_polls(page, stub, 2)
    assert focused(page).startswith("orders →")
    page.keyboard.press("Tab")
    assert focused(page) == "Pause topic…"
    page.keyboard.press("Enter")
    assert focused(page) == "Keep it over a restart"
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="hidden")
    assert focused(page) == "Pause topic…" and stub.calls == []
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    assert answer(page) == "Done: pause." and stub.calls == [("/pause", {"topic": "orders", "keep": True})]
    until(page, "document.activeElement.innerText === 'Pause topic…'")


def test_the_focus_goes_on_when_its_button_is_gone(make_stub, open_page):
    doc = documents.held()
    stub = make_stub(doc)
    stub.answers["/resume"] = (200, lambda _: doc["pauses"].clear() or {"message": "Resumed orders.returns."})
    page = open_page(stub.url)
    page.locator("#pauses button").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#pauses:has-text('Nothing is paused.')")
    until(page, "document.activeElement.id === 'pauses-title'")


def test_events_come_and_can_be_held(make_stub, open_page):
    stub = make_stub(documents.flowing)
    page = open_page(stub.url)
    lines = page.locator("#events li")
    until(page, "document.querySelectorAll('#events li').length === 27")
    assert lines.filter(visible=True).count() == 27 - 3, "debug lines are there and not shown"
    stub.log("warn", "topic_skipped", topic="a b", reason="no")
    page.wait_for_selector("#events li:has-text('topic_skipped topic=a b reason=no')")
    at_end = "(() => { const e = document.querySelector('#events'); return e.scrollHeight - e.scrollTop - e.clientHeight < 4; })()"
    assert page.evaluate(at_end)
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", lines.last.locator("time").inner_text())
    page.click("#hold")
    top = page.evaluate("document.querySelector('#events').scrollTop")
    for n in range(30):
        stub.log("info", "progress", records=n)
    page.wait_for_selector("#hold:has-text('Follow (30 new)')")
    assert page.evaluate("document.querySelector('#events').scrollTop") == top
    page.click("#hold")
    until(page, at_end)
    page.locator("#events").hover()
    page.mouse.wheel(0, -200)
    page.wait_for_selector("#hold:has-text('Follow (0 new)')")
    page.mouse.wheel(0, 2000)
    page.wait_for_selector("#hold:has-text('Pause scrolling')")
    page.select_option("#least", "error")
    assert set(page.locator("#events li").filter(visible=True).locator("xpath=./span[1]").all_inner_texts()) == {"error"}
    page.select_option("#least", "debug")
    assert lines.filter(visible=True).count() == 27 + 31


def test_a_storm_of_events_is_bounded(make_stub, open_page):
    stub = make_stub(documents.flowing)
    page = open_page(stub.url)
    page.wait_for_selector("#events li")
    for n in range(3000):
        stub.log("debug", "committed", n=n)
    stub.log("info", "stop", status=0)
    page.wait_for_selector("#events li:has-text('stop status=0')", state="attached")
    assert page.locator("#events li").count() <= 1000
    until(page, "document.querySelectorAll('#events li.e-debug').length === 250")
    assert page.locator("#events li.e-error").count() == 3, "the storm has not pushed out the errors"


def test_events_connect_again(make_stub, open_page):
    stub = make_stub(documents.flowing)
    page = open_page(stub.url)
    page.wait_for_selector("#events li")
    before = page.locator("#events li").count()
    stub.cut_streams()
    page.wait_for_selector("#stream:has-text('not connected')")
    stub.log("info", "reloaded", generation=4)
    page.wait_for_selector("#events li:has-text('generation=4')")
    assert page.locator("#events li").count() == before + 1


HIDE = """Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s});
document.dispatchEvent(new Event('visibilitychange'));"""


def test_a_hidden_tab_asks_for_nothing(make_stub, open_page):
    stub = make_stub(documents.flowing)
    page = open_page(stub.url)
    wait_polls(page, stub, 1)
    page.evaluate(HIDE % "true")
    page.wait_for_selector("#stream:has-text('not connected')")
    until(page, "asking.now === null")
    before = list(stub.requests)
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 2500))")  # twice the time between two questions, and more
    assert stub.requests == before
    page.evaluate(HIDE % "false")
    wait_polls(page, stub, 1)
    page.wait_for_selector("#stream:has-text('as they come')")


def test_it_works_behind_a_prefix(make_stub, open_page):
    stub = make_stub(documents.flowing, prefix="/mirrors/west")
    page = open_page(stub.url)
    page.wait_for_selector("#events li")
    page.click("#reload")
    page.click("dialog .main")
    assert answer(page) == "Done: reload." and stub.calls == [("/reload", {})]
    assert all(path.startswith("/mirrors/west/") for path in stub.requests)


def test_reduced_motion_is_respected(make_stub, open_page):
    page = open_page(make_stub(documents.flowing).url, reduced_motion="reduce")
    assert page.evaluate("[...document.querySelectorAll('*')].every((node) => getComputedStyle(node).transitionDuration === '0s' && getComputedStyle(node).animationName === 'none')")
