"""The real console server, fed with made states, and how late they are on its page."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Page

from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Decision, State
from hedger.errors import GiveUp
from hedger.ops.console.feed import Feed
from hedger.ops.console.server import Console
from hedger.ops.console.tokens import Tokens
from hedger.ops.explain import Story
from hedger.ops.view import Banner
from hedger.runtime.clock import stopwatch
from tests.support.ops_states import NOW

COINS = tuple(f"C{number}" for number in range(20))
TOKEN = "a-token-of-more-than-32-characters-0"


def no_story(number: int) -> Story:
    raise GiveUp(f"no decision {number}")


class Fed:
    """A real console server, and the feed that a loop would write to; its clock goes on by itself."""

    def __init__(self, feed: Feed, address: str) -> None:
        self.feed = feed
        self.address = f"{address}#token={TOKEN}"
        self.port = int(address.rsplit(":", 1)[1].strip("/"))

    def show(self, state: State, *decisions: Decision) -> None:
        self.feed.update(state, decisions)


@contextmanager
def fed(directory: Path, wishes: Policy, state: State, *, port: int = 0, version: str = "0") -> Iterator[Fed]:
    feed = Feed(wishes, banner=Banner(kind="paper", transport="wire", started_at=NOW - 60_000), version=version)
    feed.update(state)
    tokens = Tokens(act=TOKEN)
    with Console(directory, feed, tokens=tokens, host="127.0.0.1", port=port, now=stopwatch, story=no_story) as console:
        yield Fed(feed, f"http://127.0.0.1:{console.port}/")


def moved(state: State, step: int) -> State:
    """The state `step` tenths of a second later; the first hedge's holding tells which one it is."""
    view = state.accounts["binance"]
    assert view.reading is not None
    spot = {**view.reading.spot, COINS[0]: Decimal("1.5") + Decimal(step) / 10_000}
    accounts = {"binance": replace(view, reading=replace(view.reading, spot=spot))}
    return state._replace(now=NOW + step * 100, accounts=accounts)


def latencies(page: Page, console: Fed, state: State, *, events: int, pause_s: float = 0.1) -> list[float]:
    """From the update of the feed to the text on the page, in ms, for each event that was shown."""
    page.evaluate(
        """() => {
          const cell = document.querySelector(".overview tbody td.number");
          window.shown = {};
          new MutationObserver(() => { window.shown[cell.textContent] ??= Date.now(); })
            .observe(cell, {childList: true, characterData: true, subtree: true});
        }"""
    )
    sent: dict[str, float] = {}

    def feed() -> None:
        for step in range(1, events + 1):
            told = moved(state, step)
            sent[f"+{Decimal('0.065') + Decimal(step) / 10_000:.4f}".rstrip("0")] = time.time() * 1000
            console.show(told)
            time.sleep(pause_s)

    feeder = threading.Thread(target=feed)
    feeder.start()
    while feeder.is_alive():
        page.wait_for_timeout(50)
    feeder.join()
    page.wait_for_timeout(400)
    shown: dict[str, float] = page.evaluate("window.shown")
    late = [shown[text] - at for text, at in sent.items() if text in shown]
    assert len(late) >= events / 3, f"only {len(late)} of {events} events were ever shown: {shown}"
    return late
