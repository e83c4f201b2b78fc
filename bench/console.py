"""How late an event of the daemon is on the console's page: twenty hedges, ten events a second, a real browser."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.rows import Row, median, percentile
from tests.support.browser import chromium, opened
from tests.support.console_fed import COINS, fed, latencies
from tests.support.ops_states import hedging_state, policy

EVENTS = 150
TARGET_MS = 250


def measure() -> list[Row]:
    """From the hand-over by the trading loop to the text in the page, over the real server and a real stream."""
    wishes = policy(*COINS)
    state = hedging_state(wishes)
    with (
        tempfile.TemporaryDirectory() as directory,
        fed(Path(directory), wishes, state) as console,
        chromium() as browser,
        opened(browser, console.address) as (page, _),
    ):
        page.locator("article").nth(len(COINS) - 1).wait_for(state="attached")
        late = latencies(page, console, state, events=EVENTS)
    return [
        Row(
            name="console: event to the text on the page, p95",
            value=percentile(late, 0.95),
            unit="ms",
            target=f"< {TARGET_MS} ms",
            met=percentile(late, 0.95) < TARGET_MS,
            detail=f"{len(COINS)} hedges, 10 events a second, {len(late)} of {EVENTS} shown one by one",
        ),
        Row(name="… p50", value=median(late), unit="ms"),
    ]
