"""The machine's browser, and people who open the page in it."""

import os
import shutil
from collections.abc import Iterator
from typing import Protocol

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.web.traders import TraderMaker

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NO_BROWSER = "the page is tested in Debian's browser: apt-get install chromium"
# A shared machine may be busy; a page that is never right still fails.
EXPECT_MS = 15_000


class Venue(Protocol):
    """What these tests need of a running exchange."""

    @property
    def base_url(self) -> str: ...


@pytest.fixture(scope="module")
def browser_of_system() -> Iterator[Browser]:
    """The machine's Chromium; in CI it must be there, elsewhere its absence is said."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail(NO_BROWSER)
        pytest.skip(NO_BROWSER)
    expect.set_options(timeout=EXPECT_MS)
    with sync_playwright() as playwright:
        # The sandbox needs user namespaces, which containers run as root often lack; only our own page is opened.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def new_trader(exchange: Venue, browser_of_system: Browser) -> Iterator[TraderMaker]:
    maker = TraderMaker(exchange.base_url, browser_of_system)
    yield maker
    maker.close()
