"""The page before the real console server, fed with made states: many hedges, hostile words, small screens, time."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from decimal import Decimal as D
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from hedger.engine.known.state import Action, Mode, Reason, State
from hedger.model.account import Margin
from hedger.ops.console.snapshot import View, document
from hedger.ops.standstill import TOO_LONG_MS
from hedger.ops.surroundings import Surroundings
from hedger.ops.view import Banner
from tests.support.browser import PHONE, Heard, chromium, opened
from tests.support.console_fed import COINS, TOKEN, Fed, fed, latencies
from tests.support.console_pictures import Past, StillConsole
from tests.support.ops_states import NOW, decision, hedging_state, policy, position

HOSTILE = '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>&lt;b&gt;'
NARROW = (360, 740)
LATE_MS = 1_000  # far above what the measurement says (docs/bench.md): machines of tests are busy


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@dataclass(frozen=True)
class Twenty:
    """The page with twenty hedges, opened once for all who only look."""

    console: Fed
    state: State
    page: Page
    heard: Heard


@pytest.fixture(scope="module")
def twenty(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twenty]:
    state = hedging_state(policy(*COINS))
    directory = tmp_path_factory.mktemp("twenty")
    with (
        fed(directory, policy(*COINS), state) as console,
        opened(browser, console.address) as (page, heard),
    ):
        expect(page.locator("article")).to_have_count(20)
        yield Twenty(console, state, page, heard)
        assert heard.complaints == []
        assert heard.strangers == []


def test_twenty_hedges_begin_with_an_overview_that_leads_to_each(twenty: Twenty) -> None:
    table = twenty.page.get_by_role("table", name="All hedges")
    expect(table.get_by_role("rowheader")).to_have_count(20)
    expect(twenty.page.locator("#overview-sum")).to_contain_text("20 to watch")
    table.get_by_role("link", name="c17").click()
    expect(twenty.page.get_by_role("article", name="c17").locator(".stage canvas")).to_be_visible()
    assert twenty.page.locator("article .stage canvas").count() < 20, "what nobody sees is not drawn"


def test_an_event_of_the_daemon_is_on_the_page_in_good_time(twenty: Twenty) -> None:
    late_ms = latencies(twenty.page, twenty.console, twenty.state, events=30)
    assert statistics.median(late_ms) < LATE_MS


def test_words_of_a_venue_are_shown_as_words(browser: Browser, tmp_path: Path) -> None:
    wishes, state = policy(), hedging_state()
    view = replace(state.accounts["binance"], failures=3, last_failure=HOSTILE)
    refused = replace(decision(action=Action.DENY, reason=Reason.BREAKER), detail=HOSTILE)
    memory = replace(state.hedges["btc"], decision=refused)
    hostile = state._replace(
        accounts={"binance": view},
        hedges={"btc": memory},
        mode=Mode.HALTED,
        halted=HOSTILE,
        mode_reason=f"again: {HOSTILE}",
        journal_fault=HOSTILE,
    )
    with fed(tmp_path, wishes, hostile) as console, opened(browser, console.address) as (page, heard):
        console.show(hostile, refused)
        for place in ("#mode-words", "#way-out", "#alarm-list", "#account-rows", "#decision-rows"):
            expect(page.locator(place)).to_contain_text(HOSTILE)
        page.locator("#decision-rows").get_by_role("button", name="Explain decision 41").click()
        expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)
        assert page.locator("img, [onerror], body script").count() == 0
        assert page.evaluate("window.harmed") is None
        assert heard.strangers == []


def test_what_a_venue_names_no_mark_for_is_not_shown_at_a_price_of_nothing(browser: Browser, tmp_path: Path) -> None:
    state = hedging_state()
    flat = replace(position("BTC", "0"), mark_price=D(0), entry_price=D(0), liquidation_price=None)
    seen = state.accounts["binance"].reading
    assert seen is not None
    view = replace(state.accounts["binance"], reading=replace(seen, positions=(flat,)))
    with (
        fed(tmp_path, policy(), state._replace(accounts={"binance": view})) as console,
        opened(browser, console.address) as (page, _),
    ):
        cells = page.get_by_role("table", name="Positions").get_by_role("cell")
        expect(cells).to_have_text(["0", "0", "–", "–", "–", "cross 3×"])


def test_a_narrow_phone_never_scrolls_sideways(browser: Browser, tmp_path: Path) -> None:
    wishes = policy(*COINS[:3])
    state = hedging_state(wishes)._replace(mode=Mode.HALTED, halted="x" * 300, mode_reason="y" * 300)
    with (
        fed(tmp_path, wishes, state) as console,
        opened(browser, console.address, size=NARROW, touch=True) as (page, _),
    ):
        page.locator("article").first.scroll_into_view_if_needed()
        expect(page.locator("article .stage canvas").first).to_be_attached()
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
        account = page.locator("#account-rows tbody tr").first.bounding_box()
        assert account is not None
        assert account["height"] <= 90, "what is out of sight to the right makes no tower of the row"
        page.get_by_role("button", name="Controls").click()
        expect(page.get_by_role("button", name="Flatten…")).to_be_visible()
        for button in ("Kill", "Flatten…"):
            box = page.get_by_role("button", name=button, exact=True).bounding_box()
            assert box is not None
            assert box["height"] >= 44
            assert box["y"] + box["height"] <= NARROW[1]


# --- for everybody ------------------------------------------------------------------------------------------------

TEXT = [
    ("ink", "bg"),
    ("ink", "panel"),
    ("ink", "grid"),
    ("muted", "bg"),
    ("muted", "panel"),
    ("accent", "panel"),
    ("panel", "accent"),
    ("ok", "panel"),
    ("warn", "panel"),
    ("warn", "warn-bg"),
    ("crit", "panel"),
    ("crit", "crit-bg"),
    ("info", "panel"),
    ("muted", "warn-bg"),
    ("muted", "crit-bg"),
    ("ink", "crit-bg"),
    ("on-kill", "kill"),
]
MARKS = [("control", "panel"), ("delta", "panel"), ("crit", "panel"), ("band-edge", "panel"), ("kill", "panel")]


def luminance(colour: str) -> float:
    """WCAG 2's relative luminance of #rrggbb."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_colours_keep_their_distance_by_day_and_by_night(browser: Browser, tmp_path: Path, dark: bool) -> None:
    with (
        fed(tmp_path, policy(), hedging_state()) as console,
        opened(browser, console.address, dark=dark) as (page, _),
    ):
        names = sorted({name for pair in (*TEXT, *MARKS) for name in pair})
        read = "names => names.map(n => getComputedStyle(document.documentElement).getPropertyValue('--' + n).trim())"
        tokens = dict(zip(names, page.evaluate(read, names), strict=True))
        for _ in range(2 if dark else 1):  # auto, then light: what is chosen outweighs the system
            page.locator("#theme").click()
        assert page.evaluate("document.documentElement.dataset.theme") == ("dark" if dark else "light")
        assert dict(zip(names, page.evaluate(read, names), strict=True)) == tokens
    poor = {pair: round(contrast(*(tokens[name] for name in pair)), 2) for pair in TEXT}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}
    marks = {pair: round(contrast(*(tokens[name] for name in pair)), 2) for pair in MARKS}
    assert {pair: ratio for pair, ratio in marks.items() if ratio < 3} == {}


NAMED = {
    "button",
    "complementary",
    "link",
    "textbox",
    "checkbox",
    "table",
    "article",
    "region",
    "dialog",
    "main",
    "group",
    "figure",
}
LANDMARKS = {"banner", "main", "complementary", "contentinfo"}


def test_everything_that_can_be_used_has_a_name_for_a_screen_reader(twenty: Twenty) -> None:
    twenty.page.get_by_role("button", name="Flatten…").click()
    session = twenty.page.context.new_cdp_session(twenty.page)
    inside = roles(session.send("Accessibility.getFullAXTree")["nodes"])
    twenty.page.keyboard.press("Escape")
    whole = roles(session.send("Accessibility.getFullAXTree")["nodes"])
    for tree in (inside, whole):
        nameless = [(role, name) for role, name in tree if role in NAMED and not name and role != "figure"]
        assert nameless == []
    found = [role for role, _ in whole]
    assert {role for role in LANDMARKS if found.count(role) != 1} == set()
    assert ("textbox", "Reason") in inside


def roles(nodes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The (role, name) of every node that is not left out."""
    kept = [node for node in nodes if not node.get("ignored")]
    return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in kept]


def test_headings_go_down_one_level_at_a_time(twenty: Twenty) -> None:
    read = "all => all.map(one => Number(one.tagName[1]))"
    levels = twenty.page.eval_on_selector_all("h1, h2, h3, h4", read)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(after - before for before, after in pairwise(levels)) == 1


# --- time ---------------------------------------------------------------------------------------------------------


def still() -> Past:
    """One picture, as bytes of a stream would bring it."""
    banner = Banner(kind="paper", transport="wire", started_at=NOW - 60_000)
    told = document(View(state=hedging_state(), policy=policy(), banner=banner))
    return Past(json.loads(json.dumps(told)), {})


def test_the_kill_works_while_the_page_is_stale(browser: Browser) -> None:
    silent = StillConsole(still(), beats=False)
    with silent.serving() as url, opened(browser, f"{url}#token={TOKEN}", size=PHONE, touch=True) as (page, _):
        expect(page.locator(".stale-word")).to_be_visible()
        expect(page.locator("#stale-words")).to_have_text("Nothing has been heard from the hedger")
        kill = page.get_by_role("button", name="Kill", exact=True)
        kill.tap()
        page.get_by_role("button", name="Kill now").tap()
        expect(page.locator("#act-list")).to_contain_text("latched")
        assert silent.posted == [("/api/kill", "1", f"Bearer {TOKEN}", {"reason": "by hand, on the console"})]


def test_silence_and_a_clock_that_stands_are_stale_within_five_seconds(browser: Browser) -> None:
    """On made time, which a busy machine does not use up; the page looks twice a second."""
    with StillConsole(still()).serving() as url, opened(browser, url) as (page, _):
        late_ms = page.evaluate(
            """async () => {
              const {Freshness} = await import("/freshness.js");
              let now = 1e12;
              Date.now = () => now;
              const silent = new Freshness(), standing = new Freshness(), well = new Freshness(), found = {};
              for (const one of [silent, standing, well]) one.heard(1);
              for (let passed = 0; passed <= 20_000; passed += 100) {
                now = 1e12 + passed;
                standing.heard(1);
                well.heard(passed);
                for (const [name, one] of Object.entries({silent, standing, well}))
                  if (one.stale() !== null) found[name] ??= passed;
              }
              return found;
            }"""
        )
    assert sorted(late_ms) == ["silent", "standing"]
    assert all(1_000 < late <= 4_500 for late in late_ms.values()), late_ms


def test_a_clock_that_stands_still_is_stale_although_beats_come(browser: Browser) -> None:
    with StillConsole(still(), moves=False).serving() as url, opened(browser, url) as (page, _):
        expect(page.locator("#stale-words")).to_have_text("The hedger answers, but its own time stands still")


def test_a_page_that_slept_is_stale_at_once_when_it_wakes(browser: Browser) -> None:
    with StillConsole(still()).serving() as url, opened(browser, url) as (page, _):
        expect(page.locator("#link-words")).to_have_text("live")
        shown = page.evaluate(
            """() => {
              const now = Date.now;
              Date.now = () => now() + 3_600_000;
              window.dispatchEvent(new Event("pageshow"));
              return !document.getElementById("stale").hidden;
            }"""
        )
        assert shown, "at once: before anything else could happen on the page"
        expect(page.locator("#stale-age")).to_contain_text("1 h")


def test_a_page_that_lost_a_part_on_the_way_loads_itself_again(browser: Browser) -> None:
    with StillConsole(still()).serving() as url, opened(browser, "about:blank") as (page, _):
        page.route("**/stream.js", lambda route: route.abort(), times=1)
        page.goto(f"{url}#token={TOKEN}")
        expect(page.locator("#mode-word")).to_have_text("This page did not load whole: trying again")
        expect(page.locator("#link-words")).to_have_text("live")
        assert page.url == url


def test_a_chart_of_many_days_keeps_no_more_than_a_day(browser: Browser) -> None:
    with StillConsole(still()).serving() as url, opened(browser, url) as (page, _):
        kept = page.evaluate(
            """async () => {
              const {BandChart} = await import("/chart.js");
              const chart = new BandChart("x", "BTC");
              for (let second = 0; second < 200_000; second += 1)
                chart.add(1e12 + second * 1000, {delta: "1", upper: "2", lower: "0", target: "1"});
              const at = chart.rows.at;
              return {length: at.length, ordered: at.every((one, place) => !place || one > at[place - 1])};
            }"""
        )
    assert kept["length"] <= 5_400
    assert kept["ordered"]


def test_an_account_whose_margin_is_coins_is_not_told_to_be_empty(browser: Browser, tmp_path: Path) -> None:
    wishes = policy(COINS[0])
    state = hedging_state(wishes)
    view = state.accounts["binance"]
    assert view.reading is not None
    nothing = Margin(**{part.name: D(0) for part in fields(Margin)})
    two = replace(nothing, equity=D(2), available=D(2), maintenance_margin=D("0.16"))
    reading = replace(view.reading, margin=nothing, coin_margins={"BTC": two})
    state = state._replace(accounts={"binance": replace(view, reading=reading)})
    with fed(tmp_path, wishes, state) as console, opened(browser, console.address) as (page, _):
        row = page.locator("#account-rows tbody tr")
        expect(row).to_contain_text("2 BTC")
        expect(row).to_contain_text("8.0\u202f%")
        expect(row).not_to_contain_text("0.00")
        own = {"USDC": replace(two, equity=D(3)), "USDT": two}
        told = state.accounts["binance"]
        assert told.reading is not None
        reading = replace(told.reading, margin=two, coin_margins=own)
        console.show(state._replace(now=NOW + 1, accounts={"binance": replace(told, reading=reading)}))
        expect(row.locator("td").nth(1)).to_have_text("3 USDC · 2 USDT")


def test_a_card_says_what_is_meant_what_cannot_act_and_what_cannot_be_liquidated(
    browser: Browser, tmp_path: Path
) -> None:
    state, on_purpose = hedging_state(), "unhedged on purpose 1 min 35 s"
    view = state.accounts["binance"]
    assert view.reading is not None
    covered = replace(position("BTC", "0.5"), liquidation_price=None)
    reading = replace(view.reading, positions=(covered,))
    state = state._replace(accounts={"binance": replace(view, reading=reading)})
    outside = {"btc": replace(state.hedges["btc"], outside_since=NOW - 95_000)}
    paused = state._replace(hedges=outside, paused="lunch")
    with fed(tmp_path, policy(), paused) as console, opened(browser, console.address) as (page, _):
        card = page.get_by_role("article", name="btc")
        expect(card.locator("header")).to_contain_text(on_purpose)
        expect(card.locator(".side")).to_contain_text("Distance to liquidation none")
        expect(card).to_contain_text("25.12 paid")
        inside = {"btc": replace(state.hedges["btc"], outside_since=None)}
        console.feed.around = Surroundings(stuck_since={"btc": NOW - 2 * TOO_LONG_MS}, refused="at 12:00 UTC: line 3")
        console.show(
            state._replace(now=NOW + 1, hedges=inside, reconciled=False, reconcile_reason="two readings differ")
        )
        expect(card.locator("header")).to_contain_text("CANNOT ACT")
        expect(page.locator("#alarm-list")).to_contain_text("could not have been rebalanced for 30 min")
        expect(page.locator("#alarm-list")).to_contain_text("the configuration was refused at 12:00 UTC: line 3")


def test_no_two_ticks_of_a_chart_have_one_name(browser: Browser) -> None:
    with StillConsole(still()).serving() as url, opened(browser, url) as (page, _):
        near, far = page.evaluate(
            """async () => {
              const {clock} = await import("/chart.js");
              const named = (ticks) => ticks.map((at) => clock(at, ticks));
              return [named([60_000, 75_000, 90_000]), named([60_000, 120_000, 180_000])];
            }"""
        )
    assert near == ["00:01:00", "00:01:15", "00:01:30"]
    assert far == ["00:01", "00:02", "00:03"]
