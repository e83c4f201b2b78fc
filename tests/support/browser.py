"""A real browser for tests of the page: Debian's Chromium, driven by Playwright, that talks to this machine only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.support.programs import program

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
    "--font-render-hinting=none",
)
DESKTOP, PHONE = (1280, 800), (390, 844)
PATIENCE_MS = 60_000  # what is seen at once alone takes seconds beside other tests

_OF_THE_MACHINE = "ERR_NETWORK_CHANGED"  # tests beside this one make network interfaces: the page must bear it


@contextmanager
def chromium() -> Iterator[Browser]:
    """One browser, ended whatever happens."""
    path = program("chromium", "chromium")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Heard:
    """What a page said besides what it shows: errors, broken policies, and requests that left this machine."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("request", self._request)

    @property
    def strangers(self) -> list[str]:
        """Requests to anywhere but this machine."""
        return [url for url in self.asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and _OF_THE_MACHINE not in message.text:
            self.complaints.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        self.asked.append(request.url)


@contextmanager
def opened(
    browser: Browser, url: str, *, size: tuple[int, int] = DESKTOP, dark: bool = False, touch: bool = False
) -> Iterator[tuple[Page, Heard]]:
    """A page in a context of its own, with what it said."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        has_touch=touch,
        is_mobile=touch,
        device_scale_factor=1,
        timezone_id="UTC",
        locale="en-GB",
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = context.new_page()
        heard = Heard(page)
        page.goto(url)
        yield page, heard
    finally:
        context.close()
