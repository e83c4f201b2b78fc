"""Hands in a hurry: what is held, let go elsewhere or pressed twice, and pages that are opened too often."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from hedger.engine.known.latch import Flatten
from hedger.ops.console.snapshot import View, document
from hedger.ops.view import Banner
from hedger.runtime.kill import KillFile
from tests.support.browser import PHONE, chromium, opened
from tests.support.console_fed import TOKEN, fed
from tests.support.console_pictures import Past, StillConsole
from tests.support.ops_states import NOW, hedging_state, policy

HELD_MS = 1_300
KILL = [("/api/kill", "1", f"Bearer {TOKEN}", {"reason": "by hand, on the console"})]
TABS = 8


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@contextmanager
def desk(browser: Browser, **how: Any) -> Iterator[tuple[Page, StillConsole]]:
    """A page with a token, before a console that remembers what is posted."""
    banner = Banner(kind="paper", transport="wire", started_at=NOW - 60_000)
    told = document(View(state=hedging_state(), policy=policy(), banner=banner))
    console = StillConsole(Past(json.loads(json.dumps(told)), {}))
    with console.serving() as url, opened(browser, f"{url}#token={TOKEN}", **how) as (page, _):
        expect(page.locator("#mode-word")).to_have_text("hedging")
        yield page, console


def halted(page: Page) -> None:
    expect(page.locator("#act-list")).to_contain_text("latched")


# --- the kill -----------------------------------------------------------------------------------------------------


def hold_key(page: Page, key: str, ms: int) -> None:
    """As a keyboard repeats it: half a second after the first, then thirty times a second."""
    page.locator("#kill").focus()
    page.keyboard.down(key)
    page.wait_for_timeout(500)
    for _ in range((ms - 500) // 33):
        page.keyboard.down(key)
        page.wait_for_timeout(33)
    page.keyboard.up(key)


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_kill_is_held_with_either_key_and_is_sent_once(browser: Browser, key: str) -> None:
    with desk(browser) as (page, console):
        hold_key(page, key, 3_000)
        halted(page)
        page.wait_for_timeout(300)
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert console.posted == KILL


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_key_that_is_only_pressed_asks(browser: Browser, key: str) -> None:
    with desk(browser) as (page, console):
        page.locator("#kill").focus()
        page.keyboard.press(key)
        expect(page.get_by_role("button", name="Cancel")).to_be_focused()
        assert console.posted == []


def test_two_hasty_presses_on_the_kill_leave_what_asks_open(browser: Browser) -> None:
    with desk(browser, size=PHONE, touch=True) as (page, console):
        box = page.locator("#kill").bounding_box()
        assert box is not None
        for _ in range(2):
            page.touchscreen.tap(box["x"] + 20, box["y"] + 20)
        page.wait_for_timeout(300)
        page.get_by_role("button", name="Kill now").tap()
        halted(page)
        assert console.posted == KILL


def test_a_finger_that_trembles_holds_the_kill_all_the_same(browser: Browser) -> None:
    with desk(browser, size=PHONE, touch=True) as (page, console):
        page.evaluate("document.body.style.minHeight = '4000px'")
        box = page.locator("#kill").bounding_box()
        assert box is not None
        session = page.context.new_cdp_session(page)
        x, y = box["x"] + box["width"] / 2, box["y"] + 40

        def touch(kind: str, *points: tuple[float, float]) -> None:
            told = [{"x": across, "y": down} for across, down in points]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

        touch("touchStart", (x, y))
        for step in range(1, 13):
            page.wait_for_timeout(HELD_MS // 12)
            touch("touchMove", (x, y - 2 * step))
        touch("touchEnd")
        halted(page)
        assert console.posted == KILL


def test_a_kill_that_was_let_go_elsewhere_does_not_swallow_the_next_one(browser: Browser) -> None:
    with desk(browser) as (page, _):
        page.locator("#kill").hover()
        page.mouse.down()
        page.wait_for_timeout(HELD_MS)
        page.mouse.move(300, 400)
        page.mouse.up()
        halted(page)
        page.wait_for_timeout(700)
        page.get_by_role("button", name="Pause", exact=True).click()
        page.get_by_role("button", name="Kill…").click()
        expect(page.get_by_role("dialog")).to_contain_text("stop all trading now")


# --- many pages, and one that is open already ---------------------------------------------------------------------


def several(context: BrowserContext, address: str, pages: int) -> list[Page]:
    found = []
    for _ in range(pages):
        found.append(context.new_page())
        found[-1].goto(address)
        expect(found[-1].locator("#mode-word")).to_have_text("hedging")
    return found


def test_however_many_pages_are_open_the_newest_is_live_and_its_kill_is_heard(browser: Browser, tmp_path: Path) -> None:
    with fed(tmp_path, policy(), hedging_state()) as console, ExitStack() as stack:
        context = browser.new_context(timezone_id="UTC")
        stack.callback(context.close)
        pages = several(context, console.address, TABS)
        newest = pages[-1]
        newest.get_by_role("button", name="Kill", exact=True).click()
        newest.get_by_role("button", name="Kill now").click()
        halted(newest)
        assert KillFile(tmp_path).exists()
        expect(pages[0].locator("#stale-words")).to_contain_text("newer pages of this console are open")
        pages[0].get_by_role("button", name="Connect again now").click()
        expect(pages[0].locator("#link-words")).not_to_have_text("connecting again")
        console.show(hedging_state()._replace(now=NOW + 1_000, mode_reason="word for the first"))
        expect(pages[0].locator("#mode-words")).to_contain_text("word for the first")


def test_a_page_takes_its_place_again_when_newer_ones_are_closed(browser: Browser, tmp_path: Path) -> None:
    with fed(tmp_path, policy(), hedging_state()) as console, ExitStack() as stack:
        context = browser.new_context(timezone_id="UTC")
        stack.callback(context.close)
        first, *others = several(context, console.address, 4)
        expect(first.locator("#stale-words")).to_contain_text("newer pages of this console are open")
        others[0].close(run_before_unload=True)
        console.show(hedging_state()._replace(now=NOW + 1_000, mode_reason="word for the first"))
        expect(first.locator("#mode-words")).to_contain_text("word for the first")


def test_a_token_in_the_address_of_a_page_that_is_open_already_is_taken(browser: Browser, tmp_path: Path) -> None:
    with fed(tmp_path, policy(), hedging_state()) as console:
        plain = console.address.partition("#")[0]
        with opened(browser, plain) as (page, _):
            expect(page.get_by_role("dialog")).to_contain_text("hedger console")
            page.evaluate("address => { location.href = address; }", console.address)
            expect(page.locator("#mode-word")).to_have_text("hedging")
            expect(page.get_by_role("dialog")).to_have_count(0)
            assert page.url == plain


# --- a hedge that was flattened -----------------------------------------------------------------------------------


def test_what_was_flattened_alone_can_be_hedged_again_from_the_page(browser: Browser, tmp_path: Path) -> None:
    state = hedging_state(policy("BTC", "ETH"))
    flattened = state._replace(flattening={"eth": Flatten(reason="leaving", asked_at=NOW)})
    with fed(tmp_path, policy("BTC", "ETH"), state) as console, opened(browser, console.address) as (page, _):
        expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Unpause", exact=True)).to_have_count(0)
        console.show(flattened._replace(now=NOW + 100))
        expect(page.get_by_role("button", name="Unpause", exact=True)).to_be_visible()
        page.get_by_role("button", name="Pause", exact=True).click()
        expect(page.get_by_role("dialog")).to_contain_text("A flatten that goes on stops too")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Unpause", exact=True).click()
        expect(page.get_by_role("dialog")).to_contain_text("eth is being flattened: leaving. That ends too")
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Unpause", exact=True)).to_be_focused()
        console.show(state._replace(now=NOW + 200))
        expect(page.get_by_role("button", name="Unpause", exact=True)).to_have_count(0)
        expect(page.get_by_role("button", name="Pause", exact=True)).to_be_focused()
