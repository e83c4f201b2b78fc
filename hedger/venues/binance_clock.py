"""Binance's clock, measured again soon after Binance found that a request of ours was not stamped with its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hedger.errors import HedgerError
from hedger.venues.binance_link import Link
from hedger.venues.binance_setup import measure_clock
from hedger.venues.lanes import Lane

PAUSE_MS = 5_000


class ClockWatch:
    """Measures when it is told of a complaint: one measurement at a time, and a pause between two.

    `told` hears each offset, in milliseconds.
    """

    def __init__(self, link: Link, told: Callable[[int], None]) -> None:
        self._link = link
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
            offset_ms = await measure_clock(self._link, lane=Lane.CONTROL)
        except HedgerError:
            self._begun_at = 0
        else:
            self._told(offset_ms)
