"""A venue's clock: measured at the start, and again soon after the venue finds fault with the time of a request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hedger.errors import AskAgain, HedgerError
from hedger.venues.lanes import Lane
from hedger.venues.link import Link

CLOCK_SAMPLES = 3
MOST_OFFSET_MS = 10 * 60_000
PAUSE_MS = 5_000

# Asks a venue for its time, in milliseconds since 1970, UTC.
AskTime = Callable[[Link, Lane], Awaitable[int]]


async def measure_clock(link: Link, ask: AskTime, *, lane: Lane = Lane.RECONCILE, most_ms: int | None = None) -> int:
    """The venue's clock less ours in milliseconds, from the quickest of a few answers, halving its way.

    More than `most_ms` is refused with AskAgain. That is for the start: later a machine may have slept.
    """
    samples = []
    for _ in range(CLOCK_SAMPLES):
        sent_at = link.clock.now_ms()
        told = await ask(link, lane)
        back_at = link.clock.now_ms()
        samples.append((back_at - sent_at, told - (sent_at + back_at) // 2))
    offset_ms = min(samples)[1]
    if most_ms is not None and abs(offset_ms) > most_ms:
        apart = f"its clock and ours are {offset_ms / 1000:.0f} s apart"
        raise AskAgain(f"{link.venue}: time: {apart}: set this machine's.")
    link.offset_ms = offset_ms
    return offset_ms


class ClockWatch:
    """Measures when it is told of a complaint: one measurement at a time, and a pause between two.

    `told` hears each offset, in milliseconds.
    """

    def __init__(self, link: Link, ask: AskTime, told: Callable[[int], None]) -> None:
        self._link = link
        self._ask = ask
        self._told = told
        self._task: asyncio.Task[None] | None = None
        self._begun_at = 0

    def doubt(self) -> None:
        """A request was refused for its time: measure now, unless that was just done."""
        now = self._link.clock.now_ms()
        if now - self._begun_at >= PAUSE_MS and (self._task is None or self._task.done()):
            self._begun_at = now
            self._task = asyncio.create_task(self._measure())

    async def stop(self) -> None:
        """End a measurement that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _measure(self) -> None:
        """In the lane of cancels: a cancel may be what waits for it. After a failure the next complaint is heard."""
        try:
            offset_ms = await measure_clock(self._link, self._ask, lane=Lane.CONTROL)
        except HedgerError:
            self._begun_at = 0
        else:
            self._told(offset_ms)
