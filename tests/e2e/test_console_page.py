"""The console's page in a real browser before a real daemon on paper: what it shows, and that each control does it."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from hedger.runtime.requests import Ask, Mailbox, Request
from tests.support.browser import Heard, chromium, opened
from tests.support.processes import Nursery, Running

HELD_MS = 1_300

Opening = Callable[..., tuple[Page, Heard]]


@dataclass(frozen=True)
class Desk:
    """A running daemon, where its page is, and what opens it."""

    running: Running
    address: str
    token: str
    config: Path

    @property
    def with_token(self) -> str:
        return f"{self.address}#token={self.token}"

    def asks(self, ask: Ask, halted: str = "") -> None:
        """As another person would, by a file."""
        Mailbox(self.running.paper).send(Request(ask=ask, reason="a test begins", halted=halted), "test")

    def shown(self) -> dict[str, Any]:
        """What the console knows now: the page may be ahead of the status file, and is never ahead of this."""
        request = urllib.request.Request(
            f"{self.address}api/status", headers={"Authorization": f"Bearer {self.token}", "X-Hedger": "1"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.load(answer))

    def at_ease(self) -> None:
        """Hedging, neither paused nor halted, whatever the test before did and the page showed of it."""
        known = self.shown()["program"]
        if known["halted"]:
            (self.running.paper / "kill").unlink(missing_ok=True)
            self.asks(Ask.RESUME, known["halted"])
        if known["paused"] or known["mode"] in ("cancel_only", "reduce_only"):
            self.asks(Ask.UNPAUSE)
        self.running.until(lambda: self.shown()["program"]["mode"] == "hedging", "hedging")


@pytest.fixture(scope="module")
def desk(processes: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    directory = tmp_path_factory.mktemp("console")
    running = processes.still(directory)
    console = running.until(lambda: running.known().get("console"), "console")
    token = (running.paper / "console-token").read_text().strip()
    running.until_mode("hedging")
    return Desk(running, f"http://127.0.0.1:{console['port']}/", token, directory / "still.toml")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture
def page(browser: Browser, desk: Desk) -> Iterator[Page]:
    """The page as its operator opens it. It never complains, and asks nobody but this machine."""
    desk.at_ease()
    with opened(browser, desk.with_token) as (shown, heard):
        expect(shown.locator("#mode-word")).to_have_text("hedging")
        yield shown
        assert heard.complaints == []
        assert heard.strangers == []


def act(page: Page, words: str) -> None:
    """The act that was asked for last is done."""
    line = page.locator("#act-list li").first
    expect(line).to_contain_text(words)
    expect(line.locator(".sign")).to_have_text("done")


def test_the_page_shows_what_the_daemon_knows_and_forgets_the_token_in_its_address(page: Page, desk: Desk) -> None:
    assert page.url == desk.address
    expect(page.locator("#link-words")).to_have_text("live")
    expect(page.locator("#kind")).to_have_text("paper")
    card = page.get_by_role("article", name="BTC")
    expect(card.locator(".big strong")).to_contain_text("BTC")
    expect(card.locator(".stage canvas")).to_be_visible()
    expect(card.get_by_role("table", name="Positions").get_by_role("rowheader")).to_have_text("main:BTC/USDT:USDT")
    expect(card.locator(".summary")).to_contain_text("inside its band in")
    expect(page.get_by_role("table", name="Accounts").get_by_role("rowheader")).to_have_text("main")
    expect(page.locator("#stale")).to_be_hidden()


def test_a_pause_and_its_end_change_the_mode_on_the_page(page: Page) -> None:
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_label("Reason").fill("lunch <b>now</b>")
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    act(page, "Pause: lunch <b>now</b>")
    expect(page.locator("#mode-word")).to_have_text("cancel only")
    expect(page.locator("#way-out")).to_contain_text("lunch <b>now</b>")
    page.get_by_role("button", name="Unpause", exact=True).click()
    page.get_by_label("Reason").fill("back")
    page.keyboard.press("Enter")
    act(page, "Unpause: back")
    expect(page.locator("#mode-word")).to_have_text("hedging")


def test_an_act_without_a_reason_is_not_sent(page: Page, desk: Desk) -> None:
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(page.locator("dialog .said")).to_contain_text("Say why")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#acts")).to_be_hidden()
    assert desk.shown()["program"]["paused"] is None


def test_an_alarm_is_acknowledged_with_one_press(page: Page, desk: Desk) -> None:
    desk.asks(Ask.PAUSE)
    line = page.locator("#alarm-list li", has_text="paused")
    expect(line).to_be_visible()
    line.get_by_role("button").click()
    expect(line.get_by_text("acknowledged", exact=True)).to_be_visible()
    desk.asks(Ask.UNPAUSE)
    expect(line).to_have_count(0)


def test_a_kill_that_is_held_halts_and_a_resume_takes_two_steps(page: Page, desk: Desk) -> None:
    kill = page.get_by_role("button", name="Kill", exact=True)
    kill.hover()
    page.mouse.down()
    page.wait_for_timeout(HELD_MS)
    page.mouse.up()
    expect(page.locator("#mode-word")).to_have_text("halted")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#act-list li").first).to_contain_text("halted")
    expect(page.locator("#spoken")).to_contain_text("Critical: halted")
    page.get_by_role("button", name="Resume", exact=True).click()
    page.get_by_label("Reason").fill("a drill")
    page.get_by_role("dialog").get_by_role("button", name="Next").click()
    expect(page.locator("dialog blockquote")).to_contain_text("console")
    expect(page.locator("#mode-word")).to_have_text("halted")
    (desk.running.paper / "kill").unlink(missing_ok=True)
    page.get_by_role("button", name="Lift the halt").click()
    act(page, "Resume: a drill")
    expect(page.locator("#mode-word")).to_have_text("hedging")


def test_a_short_press_on_kill_asks_first_and_cancel_leaves_it(page: Page, desk: Desk) -> None:
    page.get_by_role("button", name="Kill", exact=True).click(delay=400)
    expect(page.get_by_role("dialog")).to_contain_text("stop all trading now")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("button", name="Kill…").click()  # a dialog covers the button, and leads to it
    expect(page.get_by_role("dialog")).to_contain_text("stop all trading now")
    page.keyboard.press("Escape")
    expect(page.locator("#kill")).to_be_focused()
    page.wait_for_timeout(HELD_MS)
    assert desk.shown()["program"]["halted"] is None


def test_the_keyboard_alone_reaches_the_kill(page: Page) -> None:
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "kill":
            break
    assert page.evaluate("document.activeElement.id") == "kill"
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Kill now")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#mode-word")).to_have_text("halted")


def test_a_flatten_shows_its_plan_and_wants_its_phrase_typed(page: Page, desk: Desk) -> None:
    page.get_by_role("button", name="Flatten…").click()
    page.get_by_label("Reason").fill("a drill")
    page.get_by_role("button", name="Show the plan").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("main:BTC/USDT:USDT")
    label = dialog.locator("label", has_text="Type:").inner_text()
    dialog.locator("#phrase").fill("flatten nothing")
    dialog.get_by_role("button", name="Flatten", exact=True).click()
    expect(dialog.locator(".said")).to_contain_text("To go on, type")
    assert desk.shown()["program"]["mode"] == "hedging"
    dialog.locator("#phrase").fill(label.removeprefix("Type: "))
    dialog.get_by_role("button", name="Flatten", exact=True).click()
    act(page, "Flatten: a drill")
    expect(page.locator("#alarm-list")).to_contain_text("flattened")


def test_a_reload_shows_what_would_change_before_it_does(page: Page, desk: Desk) -> None:
    kept = desk.config.read_text()
    try:
        desk.config.write_text(kept.replace("position = 3", "position = 4"))
        page.get_by_role("button", name="Reload…").click()
        page.get_by_label("Reason").fill("more room")
        page.get_by_role("button", name="Show what would change").click()
        row = page.get_by_role("dialog").get_by_role("row").filter(has_text="hedges.BTC.guards.position")
        expect(row.get_by_role("cell")).to_have_text(["3", "4", "at once"])
        expect(page.get_by_role("dialog")).not_to_contain_text("digest")
        page.get_by_role("dialog").get_by_role("button", name="Reload").click()
        act(page, "Reload: more room")
    finally:
        desk.config.write_text(kept)


def test_a_decision_is_explained_from_the_journal_and_escape_gives_the_focus_back(page: Page, desk: Desk) -> None:
    told = page.locator("#decision-rows").get_by_role("button", name=re.compile("Explain decision"))
    name = told.nth(1).get_attribute("aria-label") or ""
    number = name.rpartition(" ")[2]
    desk.running.until(lambda: number in desk.running.journal().keys("decision"), "row of the decision")
    button = page.locator("#decision-rows").get_by_role("button", name=name)
    button.click()
    story = page.locator("dialog pre.story")
    expect(story).to_contain_text("Decision")
    expect(story).to_contain_text("exposure")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()


def test_without_a_token_the_page_says_how_to_get_one(browser: Browser, desk: Desk) -> None:
    with opened(browser, f"{desk.address}#token={'x' * 40}") as (page, _):
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("hedger console")
        dialog.get_by_label("Token").fill(desk.token)
        page.keyboard.press("Enter")
        expect(page.locator("#link-words")).to_have_text("live")


def test_a_hedger_that_stands_still_is_marked_stale(page: Page, desk: Desk) -> None:
    exchange = desk.running.exchange().note.pid
    assert exchange
    desk.running.signal(signal.SIGSTOP)
    try:
        expect(page.locator(".stale-word")).to_be_visible()
        expect(page.locator("#link-words")).to_have_text("STALE")
        assert page.evaluate("getComputedStyle(document.getElementById('content')).filter") == "grayscale(1)"
        first = page.locator("#stale-age").inner_text()
        expect(page.locator("#stale-age")).not_to_have_text(first)
        expect(page.locator("#kill")).to_be_enabled()
    finally:
        desk.running.signal(signal.SIGCONT)
    expect(page.locator(".stale-word")).to_be_hidden()
    expect(page.locator("#link-words")).to_have_text("live")
