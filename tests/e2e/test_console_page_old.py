"""What is old is never shown as new: pictures that cannot be drawn, another version, prices that nobody sees."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from hedger.engine.known.state import State
from hedger.ops.console.snapshot import View, document
from hedger.ops.view import Banner
from tests.support.browser import chromium, opened
from tests.support.console_fed import Fed, fed
from tests.support.console_pictures import Past, StillConsole
from tests.support.ops_states import NOW, decision, hedging_state, policy


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


def told(**program: Any) -> dict[str, Any]:
    """One document as a stream would bring it, with some of its program changed."""
    banner = Banner(kind="paper", transport="wire", started_at=NOW - 60_000)
    view = View(state=hedging_state(), policy=policy(), banner=banner, decisions=(decision(41),))
    found: dict[str, Any] = json.loads(json.dumps(document(view)))
    found["program"] |= program
    return found


@contextmanager
def still(browser: Browser, found: dict[str, Any]) -> Iterator[tuple[Page, StillConsole]]:
    """The page before a console that tells this and stands still."""
    console = StillConsole(Past(found, {}))
    with console.serving() as url, opened(browser, url) as (page, _):
        yield page, console


def evaluated(browser: Browser, script: str) -> Any:
    """What a script of the page's own modules comes to."""
    with still(browser, told()) as (page, _):
        return page.evaluate(f"async () => {{ {script} }}")


def stale_words(page: Page, words: str) -> None:
    expect(page.locator("#stale-words")).to_have_text(words)
    expect(page.locator("#link-words")).to_have_text("STALE")


@contextmanager
def going_on(console: Fed, state: State) -> Iterator[None]:
    """The hedger's clock goes on with this state until the end."""
    over = threading.Event()

    def go_on() -> None:
        for tenths in count(1):
            console.show(state._replace(now=NOW + 100 * tenths))
            if over.wait(0.1):
                return

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


# --- the whole page -----------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_picture_that_cannot_be_drawn_is_stale_although_the_clock_goes_on(browser: Browser, tmp_path: Path) -> None:
    with fed(tmp_path, policy(), hedging_state()) as console, opened(browser, console.address) as (page, _):
        expect(page.locator("#mode-word")).to_have_text("hedging")
        with going_on(console, hedging_state()._replace(hedges={})):
            stale_words(page, "The hedger goes on, but its console cannot show what it does")
            expect(page.locator("#stale-at")).to_have_text("2026-03-01 12:00:00 UTC")
            expect(page).to_have_title("STALE, was hedging · hedger paper")
        with going_on(console, hedging_state()):
            expect(page.locator("#link-words")).to_have_text("live")
            expect(page).to_have_title("hedging · hedger paper")


def test_a_page_that_cannot_draw_what_it_hears_says_so(browser: Browser) -> None:
    """As one that was opened before a start with another version."""
    strange = told()
    del strange["hedges"]["btc"]["positions"]
    with still(browser, strange) as (page, _):
        stale_words(page, "This page cannot show what the hedger tells: load it again")


def test_a_page_left_open_over_a_start_of_another_version_loads_itself_again(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, "about:blank") as (page, _):
        with fed(tmp_path, policy(), hedging_state(), version="1") as first:
            page.goto(first.address)
            expect(page.locator("#about")).to_contain_text("hedger 1 ")
            page.evaluate("window.ofTheFirst = true")
            page.get_by_role("button", name="Pause", exact=True).click()
            page.get_by_label("Reason").fill("half a sen")
        with fed(tmp_path, policy(), hedging_state(), version="2", port=first.port):
            expect(page.locator("#about")).to_contain_text("hedger 2 ")
            expect(page.get_by_label("Reason")).to_have_value("half a sen")
            with page.expect_navigation():
                page.keyboard.press("Escape")
            assert page.evaluate("window.ofTheFirst") is None
            expect(page.locator("#about")).to_contain_text("hedger 2 ")


def test_a_browser_whose_clock_is_set_back_hides_no_standstill(browser: Browser) -> None:
    ages = evaluated(
        browser,
        """
        const {Freshness} = await import("/freshness.js");
        let now = 1e12;
        Date.now = () => now;
        const standing = new Freshness(), behind = new Freshness();
        standing.heard(1);
        behind.heard(1);
        now -= 3_600_000;
        standing.heard(1);
        behind.heard(2, 1);
        return [standing, behind].map((one) => one.stale()?.words ?? null);
        """,
    )
    assert ages == [
        "The hedger answers, but its own time stands still",
        "The hedger goes on, but its console cannot show what it does",
    ]


def test_a_dialog_does_not_hide_that_the_page_behind_it_is_stale(browser: Browser) -> None:
    console = StillConsole(Past(told(), {}))
    with console.serving() as url, opened(browser, f"{url}#token=x") as (page, _):
        page.get_by_role("button", name="Pause", exact=True).click()
        written = "getComputedStyle(document.querySelector('dialog form'), '::before').content"
        assert page.evaluate(written) == "none"
        console.beats = False
        expect(page.locator("#link-words")).to_have_text("STALE")
        assert "STALE" in page.evaluate(written)


# --- parts of it --------------------------------------------------------------------------------------------------


def test_the_price_of_a_money_that_is_no_longer_seen_is_not_shown_any_more(browser: Browser) -> None:
    held = {"peg": "1", "source": "main:USDT/USD", "held": "60000"}
    begun = told(money={"USDT": {**held, "price": "1.0002"}, "USDC": {**held, "price": "0.9999"}})
    gone = {"at": NOW + 1, "program": {"money": {"USDT": {**held, "price": None}}}}
    with still(browser, begun) as (page, console):
        expect(page.locator("#program")).to_contain_text("1.0002 USD, 60,000 held")
        console.more.append(("change", gone))
        expect(page.locator("#program")).to_contain_text("price not seen, 60,000 held")
        expect(page.locator("#program")).not_to_contain_text("1.0002")
        expect(page.locator("#program")).not_to_contain_text("USDC")


def test_a_hedge_that_is_judged_by_old_facts_is_not_simply_inside_its_band(browser: Browser, tmp_path: Path) -> None:
    state = hedging_state(policy("BTC", "ETH"))
    inside = {name: replace(memory, outside_since=None) for name, memory in state.hedges.items()}
    fresh = state._replace(hedges=inside, orders={})
    with fed(tmp_path, policy("BTC", "ETH"), fresh) as console, opened(browser, console.address) as (page, _):
        card = page.get_by_role("article", name="eth")
        card.scroll_into_view_if_needed()
        expect(card.locator("header")).to_contain_text("inside its band")
        console.show(fresh._replace(now=NOW + 60_000))
        expect(page.locator("#overview-sum")).to_have_text("2 to watch")
        expect(card.locator("header")).to_contain_text("inside its band when it was last seen")
        expect(card.locator(".headline")).to_contain_text("binance:ETH/USDT:USDT is 60120 ms old")


def test_a_decision_of_a_journal_that_was_begun_anew_is_not_shown_as_one_of_the_old(browser: Browser) -> None:
    first = told()
    second = json.loads(json.dumps(first))
    second["decisions"][0] |= {"at": NOW + 60_000, "words": "of another world", "action": "hold"}
    with still(browser, first) as (page, console):
        expect(page.locator("#decision-rows li")).to_contain_text("outside its band")
        console.more.append(("snapshot", second))
        expect(page.locator("#decision-rows li")).to_contain_text("of another world")


def test_a_guard_of_which_nothing_is_left_is_the_nearest_to_its_limit(browser: Browser) -> None:
    order = evaluated(
        browser,
        """
        const {nearest} = await import("/hedges.js");
        const limits = {depth: "5000", spread: "10", expiring: "60000", orders_per_day: "100", basis: "0"};
        const guards = Object.fromEntries(Object.entries(limits).map(([name, limit]) => [name, {limit}]));
        const values = {spread: "9", orders_per_day: "1", depth: "0", expiring: "-5", basis: "0"};
        return nearest({guards, guard_values: values});
        """,
    )
    assert set(order[:2]) == {"depth", "expiring"}
    assert order[2] == "spread"


def test_a_distance_that_is_not_known_of_every_position_is_not_told_to_be_clear(browser: Browser) -> None:
    """Of a position on its own margin, say, whose venue names no price of liquidation."""
    found = told()
    found["hedges"]["btc"]["liquidation_known"] = False
    with still(browser, found) as (page, _):
        side = page.get_by_role("article", name="btc").locator(".side")
        expect(side).to_contain_text("Distance to liquidation 48.4\u202f% not known of all")
        expect(side).to_contain_text("Margin used 12.3\u202f% clear")


def test_numbers_are_the_terminal_s_also_where_they_are_small(browser: Browser) -> None:
    shown = evaluated(
        browser,
        """
        const {price} = await import("/format.js");
        return ["0.000012345", "0.0000123456789012", "64123.45", "64123.123456789", "0", "0.5", "1234567.8"].map(price);
        """,
    )
    assert shown == ["0.000012345", "0.000012345679", "64,123.45", "64,123.123", "0.00", "0.50", "1,234,567.80"]


def test_funding_that_is_near_and_fees_that_nobody_valued_are_told(browser: Browser) -> None:
    found = told()
    hedge = found["hedges"]["btc"]
    hedge["funding_now"]["next_at"] = NOW + 59_000
    hedge["fees_in_other_assets"] = {"BNB": "-0.0123"}
    with still(browser, found) as (page, _):
        card = page.get_by_role("article", name="btc")
        expect(card).to_contain_text("in under 1 min")
        expect(card).to_contain_text("25.12 paid, 0.0123 BNB paid")


def test_a_position_that_is_not_listed_any_more_is_not_said_to_be_too_small(browser: Browser) -> None:
    words = evaluated(
        browser,
        """
        const {planned} = await import("/plan.js");
        const leg = {instrument: "main:X", position: "-2", side: null, quantity: "0", remainder: "-2", orders: 0};
        const dust = {...leg, position: "-2.0004", side: "buy", quantity: "2", remainder: "-0.0004", obstacle: null};
        const hedge = {hedge: "X", underlying: "X", legs: [{...leg, obstacle: "not listed"}, dust]};
        return planned({hedges: [hedge]})[0].querySelector("tbody").innerText;
        """,
    )
    assert "nothing, \u22122 stays" in words
    assert "buy 2, \u22120.0004 stays" in words
    assert "too small" not in words


def test_an_account_shows_the_coins_that_are_hedged_first_and_no_orders_where_none_leave(browser: Browser) -> None:
    found = told(mode="halted")
    found["accounts"]["binance"]["spot"] = dict.fromkeys(("AAVE", "ADA", "APT", "ARB", "BTC", "USDT"), "1")
    with still(browser, found) as (page, _):
        row = page.locator("#account-rows tbody tr")
        expect(row.locator("td").last).to_have_text("1 BTC, 1 AAVE, 1 ADA, 1 APT and 2 more")
        expect(row).not_to_contain_text("orders leave")


def test_what_was_asked_is_dated_by_the_hedger_s_clock(browser: Browser) -> None:
    with still(browser, told()) as (page, _):
        expect(page.locator("#mode-word")).to_have_text("hedging")
        page.get_by_role("button", name="Kill", exact=True).click()
        page.get_by_role("button", name="Kill now").click()
        expect(page.locator("#act-list time")).to_have_text("12:00:00")


def test_a_row_that_stays_keeps_the_focus_when_the_first_one_goes(browser: Browser) -> None:
    kept = evaluated(
        browser,
        """
        const {el, keyed} = await import("/dom.js");
        const list = document.body.appendChild(el("ul"));
        const rows = (names) => keyed(list, names, (one) => one, (one) => el("li", {tabindex: "0"}, one), () => {});
        rows(["a", "b", "c"]);
        list.children[1].focus();
        rows(["b", "d", "c"]);
        return [document.activeElement.textContent, list.textContent];
        """,
    )
    assert kept == ["b", "bdc"]
