"""How long a create, a cancel and a switch wait for their turn while reads queue: through our lanes, and a create
through ccxt's own throttler."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import cycle

from bench.rows import Row, median, percentile
from hedger.runtime.clock import SystemClock
from hedger.venues.binance.codes import BUDGETS, FAPI, LIVE, WEIGHT_LIMITS, weight_of
from hedger.venues.lanes import Barred, Lane, Lanes
from hedger.venues.light import load_exchange_class
from hedger.venues.quiet import Quiet
from hedger.venues.watching import Unwatched

QUEUED = 200
QUEUED_BEFORE_CANCELS = 500
CANCELS = 80  # cancels and extensions of the switch, within the control lane's budget for ten seconds
CREATES = 40  # the whole of the order lane's budget for ten seconds
APART_S = 0.02
ROUNDS = 5
CCXT_CREATES = 10
READ_COST = 1.0  # of a futures request in ccxt's own count, as cheap as it gets
TARGET_S = 0.001
CANCEL_TARGET_S = 0.250

READING = (Lane.RECONCILE, Lane.DATA)

Ask = Callable[[], Awaitable[object]]


def measure() -> list[Row]:
    """The waits of creates on both ways, and of cancels, with many reads in front of them."""
    ours = [wait for _ in range(ROUNDS) for wait in asyncio.run(_through_lanes(Lane.ORDERS, QUEUED, CREATES))]
    cancels = [
        wait for _ in range(2) for wait in asyncio.run(_through_lanes(Lane.CONTROL, QUEUED_BEFORE_CANCELS, CANCELS))
    ]
    theirs = asyncio.run(_through_ccxt())
    p99 = percentile(ours, 0.99)
    return [
        Row(
            name="lanes: a create's wait behind 200 reads, p99",
            value=p99 * 1e3,
            unit="ms",
            target=f"< {TARGET_S * 1e3:.0f} ms",
            met=p99 < TARGET_S,
            detail=f"p50 {median(ours) * 1e3:.3f}, max {max(ours) * 1e3:.3f} ms of {len(ours)}: a turn of the loop",
        ),
        Row(
            name="lanes: a cancel's or the switch's wait behind 500 reads, max",
            value=max(cancels) * 1e3,
            unit="ms",
            target=f"< {CANCEL_TARGET_S * 1e3:.0f} ms",
            met=max(cancels) < CANCEL_TARGET_S,
            detail=f"p50 {median(cancels) * 1e3:.3f}, p99 {percentile(cancels, 0.99) * 1e3:.3f} ms of {len(cancels)}",
        ),
        Row(
            name="lanes: the create with ccxt's throttler, p50",
            value=median(theirs) * 1e3,
            unit="ms",
            detail=f"max {max(theirs) * 1e3:,.0f} ms of {len(theirs)}: one queue for all, 50 ms a request",
        ),
        Row(
            name="lanes: ccxt's wait ÷ ours, p50",
            value=median(theirs) / median(ours),
            unit="×",
        ),
    ]


async def _through_lanes(wanted: Lane, queued: int, requests: int) -> list[float]:
    """The waits in one lane while reads stand in the two that are for reading, both spent."""
    hosts = LIVE.rest
    clock = SystemClock()
    lanes = Lanes(
        account="main",
        clock=clock,
        budgets=BUDGETS,
        weight_limits={hosts[api]: limit for api, limit in WEIGHT_LIMITS.items()},
        observer=Unwatched(),
        quiet=Quiet("main", clock, Unwatched(), lambda _: None),
        weight_of=weight_of,
    )

    async def passes(lane: Lane) -> None:
        async with lanes.turn(lane, hosts[FAPI]):
            pass

    for lane in READING:
        for _ in range(BUDGETS[lane].requests):
            await passes(lane)
    turns = cycle(READING)

    async def read() -> None:
        with suppress(Barred):
            await passes(next(turns))

    return await _waits(read, lambda: passes(wanted), queued, requests)


async def _through_ccxt() -> list[float]:
    client = load_exchange_class("binance")({"enableRateLimit": True})
    client.open()
    try:
        ask = lambda: client.throttle(READ_COST)  # noqa: E731
        return await _waits(ask, ask, QUEUED, CCXT_CREATES)
    finally:
        await client.close()


async def _waits(read: Ask, ask: Ask, queued: int, requests: int) -> list[float]:
    """Seconds from asking to having leave, of requests that come one by one while reads wait."""
    reads = [asyncio.ensure_future(read()) for _ in range(queued)]
    await asyncio.sleep(APART_S)
    assert sum(not task.done() for task in reads) > 0.9 * queued, "the reads are to be waiting"
    asked = []
    for _ in range(requests):
        asked.append(asyncio.create_task(_wait(ask, time.perf_counter())))
        await asyncio.sleep(APART_S)
    waits = await asyncio.gather(*asked)
    for task in reads:
        task.cancel()
    await asyncio.gather(*reads, return_exceptions=True)
    return list(waits)


async def _wait(ask: Ask, asked_at: float) -> float:
    await ask()
    return time.perf_counter() - asked_at
