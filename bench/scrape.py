"""How late the event loop's timers are while Prometheus scrapes twenty hedges, and what one scrape costs."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from dataclasses import replace

from prometheus_client import Gauge

from bench.ahead import ahead_of_others, be_ordinary
from bench.rows import Row, median, percentile
from hedger.model.instrument import InstrumentId
from hedger.ops.exposition import Exposition
from hedger.ops.health import HealthServer
from hedger.ops.metrics import Metrics
from hedger.ops.readiness import Health
from hedger.runtime.clock import stopwatch
from hedger.settings.load import load_settings
from hedger.settings.policy import to_policy
from hedger.venues.light import load_exchange_class

MOST_ROUNDS = 12
SCRAPES = 50
PAUSE_S = 0.04
BEAT_S = 0.001
TARGET_S = 0.001
HEDGES = 20
TARGET_SCRAPE_S = 0.005
STILL = ("hedger_guard_limit", "hedger_option_", "hedger_pnl_", "hedger_mode", "hedger_working_orders")
# The scraper is a process of its own: in ours it would take the interpreter from the loop itself.
SCRAPER = f"""
import http.client, sys, time
for _ in range({SCRAPES}):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=5)
    connection.request("GET", "/metrics")
    assert len(connection.getresponse().read()) > 10_000
    connection.close()
    time.sleep({PAUSE_S})
"""


def measure() -> list[Row]:
    """Rounds of scrapes, and of as long without, until one is clean: the rest of the machine can only add to them."""
    load_exchange_class("binance")  # as in the daemon, whose collector has all of this to walk
    gc.freeze()  # as the daemon does once it has started
    try:
        with ahead_of_others() as how:  # the server's threads too, which it makes inside
            metrics = _twenty_hedges()
            rounds, cost = _rounds(metrics), _cost(metrics)
    finally:
        gc.unfreeze()
    scraped, quiet = [late for late, _ in rounds], [late for _, late in rounds]
    best = min(max(late) for late in scraped)
    return [
        Row(
            name="scrape: the loop's longest stall",
            value=best * 1e3,
            unit="ms",
            target=f"< {TARGET_S * 1e3:.0f} ms",
            met=best < TARGET_S,
            detail=f"the best of {len(rounds)} rounds of {SCRAPES} scrapes, {how}; {_told(scraped)}",
        ),
        Row(
            name="scrape: what one keeps the loop waiting",
            value=_kept_waiting(rounds) * 1e3,
            unit="ms",
            target=f"< {TARGET_SCRAPE_S * 1e3:.0f} ms",
            met=_kept_waiting(rounds) < TARGET_SCRAPE_S,
            detail="all its beats' lateness together, less what it is without scrapes; the median round",
        ),
        Row(
            name="scrape: processor time of one",
            value=cost * 1e3,
            unit="ms",
            target=f"< {TARGET_SCRAPE_S * 1e3:.0f} ms",
            met=cost < TARGET_SCRAPE_S,
            detail=f"the page of {HEDGES} hedges, what prices move all new; the best of {SCRAPES}",
        ),
        Row(
            name="scrape: the longest stall without",
            value=min(max(late) for late in quiet) * 1e3,
            unit="ms",
            detail=f"the same, as long and not scraped; {_told(quiet)}",
        ),
    ]


def _twenty_hedges() -> Metrics:
    """The built-in hedge, twenty times over, each on a coin of its own."""
    policy = to_policy(load_settings(None, {}, {}))
    coins = [f"C{number:02}" for number in range(HEDGES)]
    hedges = (
        replace(policy.hedges[0], name=coin, underlying=coin, instruments=(InstrumentId("main", f"{coin}/USDT:USDT"),))
        for coin in coins
    )
    return Metrics(replace(policy, hedges=tuple(hedges)))


def _cost(metrics: Metrics) -> float:
    """Processor time (s) of one page, where every gauge that prices move has another value than at the last."""
    exposition, costs = Exposition(metrics.registry), []
    exposition.page("")
    gauges = [meter for meter in metrics.registry._collector_to_names if isinstance(meter, Gauge) and meter._labelnames]
    moving = [gauge for gauge in gauges if not gauge._name.startswith(STILL)]
    series = [child for gauge in moving for child in gauge._metrics.values() if isinstance(child, Gauge)]
    for number in range(SCRAPES):
        for child in series:
            child.set(number + 0.123456789)
        began = time.process_time()
        exposition.page("")
        costs.append(time.process_time() - began)
    return min(costs)


def _kept_waiting(rounds: list[tuple[list[float], list[float]]]) -> float:
    """How much later (s) the beats came, all together, for one scrape."""
    return median([(sum(scraped) - sum(quiet)) / SCRAPES for scraped, quiet in rounds])


def _rounds(metrics: Metrics) -> list[tuple[list[float], list[float]]]:
    """How late (s) the beats of each round were: scraped, and not."""
    interval = sys.getswitchinterval()
    server = HealthServer(Health(now=stopwatch), metrics.registry, host="127.0.0.1", port=0, now=stopwatch)
    server.start()
    rounds: list[tuple[list[float], list[float]]] = []
    try:
        while len(rounds) < MOST_ROUNDS and not any(max(late) < TARGET_S for late, _ in rounds):
            rounds.append(asyncio.run(_round(server.port)))
    finally:
        server.close()
        sys.setswitchinterval(interval)
    return rounds


def _told(rounds: list[list[float]]) -> str:
    p99, worst = (median([percentile(late, share) for late in rounds]) * 1e3 for share in (0.99, 1.0))
    over = median([sum(each > TARGET_S for each in late) for late in rounds])
    beats = median([len(late) for late in rounds])
    return f"median round: p99 {p99:.2f}, longest {worst:.2f} ms, {over:.0f} of {beats:,.0f} beats over 1 ms late"


async def _round(port: int) -> tuple[list[float], list[float]]:
    """How late (s) the beats were while scrapes went on, and in as long a time without."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SCRAPER, str(port), preexec_fn=be_ordinary)
    await asyncio.sleep(0.2)  # it starts, which takes a processor from us too
    scraped = []
    while process.returncode is None:
        scraped += await _lateness(50)
    assert process.returncode == 0, "a scrape failed"
    return scraped, await _lateness(len(scraped))


async def _lateness(beats: int) -> list[float]:
    """How late (s) each of so many timers was."""
    loop, late = asyncio.get_running_loop(), []
    for _ in range(beats):
        due = loop.time() + BEAT_S
        await asyncio.sleep(BEAT_S)
        late.append(loop.time() - due)
    return late
