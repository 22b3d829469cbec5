"""Fixtures: a browser, pages in it, and the stub of the admin API that they look at."""

import importlib.util
import os
import pathlib
import shutil
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
FUNCTIONAL = HERE.parent / "functional"
sys.path[:0] = [str(HERE), str(FUNCTIONAL)]

import axe  # noqa: E402
from stub import TOP, Stub  # noqa: E402


def load_functional():
    """The fixtures of the functional tests: clusters, and the program between them."""
    spec = importlib.util.spec_from_file_location("functional_conftest", FUNCTIONAL / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


functional = load_functional()
program, mock_program, make_cluster = functional.program, functional.mock_program, functional.make_cluster
source, target, make_agent, mirror = functional.source, functional.target, functional.make_agent, functional.mirror
pytest_runtest_makereport = functional.pytest_runtest_makereport

PICTURES = TOP / "build" / "page"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
SIZES = {"wide": (1920, 1080), "narrow": (360, 740)}


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium ($CHROMIUM names another), with a profile of its own."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        pytest.skip("there is no Chromium: install chromium, or name one in CHROMIUM")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def axe_source():
    """axe-core's program text."""
    return axe.source(TOP / "build" / "page")


@pytest.fixture
def make_stub():
    made = []

    def make(doc, **options):
        made.append(Stub(doc, **options))
        return made[-1]

    yield make
    for stub in made:
        if not stub.stopped:
            stub.stop()


@pytest.fixture
def open_page(browser):
    """Opens an address: open_page(url, size="narrow", scheme="dark"). At the end no page may have met an error, an outside
    address, or something that its policy forbids; errors that a test provokes are named in page.expected."""
    contexts, pages = [], []

    def opened(url, size="wide", scheme="light", wait=True, **options):
        width, height = SIZES[size] if isinstance(size, str) else size
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-GB", **options)
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.errors, page.addresses, page.expected = [], set(), ()
        page.on("pageerror", lambda error: page.errors.append(f"error: {error}"))
        page.on("console", lambda message: message.type in ("error", "warning") and page.errors.append(message.text))
        page.on("request", lambda request: page.addresses.add(request.url))
        pages.append((page, url))
        page.goto(url)
        if wait:
            page.wait_for_selector("#main:not([hidden])")
        return page

    yield opened
    found = [(error, page) for page, _ in pages for error in page.errors if not any(word in error for word in page.expected)]
    outside = [address for page, url in pages for address in page.addresses if not address.startswith((url, "data:"))]
    for context in contexts:
        context.close()
    assert not found, [error for error, _ in found]
    assert not outside, outside


@pytest.fixture
def picture():
    """Keeps a picture of a page in build/page/NAME.png."""
    def take(page, name):
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
    return take
