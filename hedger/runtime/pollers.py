"""The readers: polls on the clock and streams between them, each turning what a venue says into events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from hedger.engine.known.state import State
from hedger.errors import HedgerError
from hedger.model.instrument import InstrumentId
from hedger.model.message import AccountRead, ClockMeasured, FundingRead, ReadFailed, StreamChanged, TimePassed
from hedger.model.spans import DAY_MS
from hedger.runtime.clock import stopwatch
from hedger.runtime.history import USUAL, HistoryPolling, HistoryReader
from hedger.runtime.inbox import Inbox
from hedger.runtime.loop import Loop
from hedger.runtime.ports import Clock, Observer, Venue

LONGEST_BACKOFF_S = 30.0
# How long a stream must have lasted for its end to be a first one again.
STEADY_MS = 60_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """How often what is read, in seconds of the clock. Prices are polled only where the streams leave them old;
    `history` says how much of the past is read."""

    account_s: float
    prices_s: float
    funding_s: float
    clock_s: float
    tick_s: float
    flush_s: float
    history: HistoryPolling = USUAL


class Pollers:
    """The tasks that keep one loop fed. Each runs for ever; an end of one is a bug that ends the program."""

    def __init__(
        self, *, loop: Loop, clock: Clock, polling: Polling, observer: Observer, funding_since_at: int
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._polling = polling
        self._observer = observer
        self._funding_since_at = funding_since_at
        self._history = HistoryReader(loop=loop, clock=clock, polling=polling.history, read=self._read)

    def start(
        self,
        group: asyncio.TaskGroup,
        venues: Mapping[str, Venue],
        ids: Mapping[str, tuple[InstrumentId, ...]],
    ) -> None:
        """Start every reader in a task group: when one ends, the group ends."""
        group.create_task(self._beat())
        for name, venue in venues.items():
            group.create_task(self._account(venue))
            group.create_task(self._stream(venue))
            group.create_task(self._prices(venue, ids[name]))
            group.create_task(self._funding(venue))
            group.create_task(self._offset(venue))
            group.create_task(self._history.run(venue, ids[name]))

    def change(self, polling: Polling) -> None:
        """Read as often as this says from the next pause on; the accounts are read at once. The beat stays as it is."""
        self._polling = polling
        for wake in self._loop.wake.values():
            wake.set()

    @property
    def _inbox(self) -> Inbox:
        return self._loop.inbox

    @property
    def _state(self) -> State:
        return self._loop.state

    async def _beat(self) -> None:
        """The clock's beat, the loop's lag, and the rows that wait for a commit."""
        beats, per_flush = 0, max(1, round(self._polling.flush_s / self._polling.tick_s))
        while True:
            due_at = self._clock.now_ms() + self._polling.tick_s * 1000
            await self._clock.sleep(self._polling.tick_s)
            lag_ms = max(0.0, self._clock.now_ms() - due_at)
            self._observer.timed("lag", "", lag_ms / 1000, "ok")
            self._observer.queued(len(self._inbox))
            self._inbox.put(TimePassed(lag_ms=round(lag_ms)))
            beats += 1
            if beats % per_flush == 0:
                self._loop.flush()

    async def _account(self, venue: Venue) -> None:
        """Read the account again and again; a wake-up cuts the wait short, but not the longer one after a failure."""
        failures = 0
        wake = self._loop.wake[venue.account]
        while True:
            wake.clear()
            requested_at = self._clock.now_ms()
            reading = await self._read(venue, "account", venue.read_account())
            failures = 0 if reading is not None else failures + 1
            if reading is not None:
                self._inbox.put(AccountRead(requested_at=requested_at, reading=reading))
            if failures:
                await self._clock.sleep(_backoff(self._polling.account_s, failures))
            else:
                await self._wait(wake, self._polling.account_s)

    async def _wait(self, wake: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(self._clock.span(seconds)):
                await wake.wait()
        except TimeoutError:
            pass

    async def _read(self, venue: Venue, what: str, read: Awaitable[T], id: InstrumentId | None = None) -> T | None:
        """The result of a read, or None with the failure told to the engine: a failed read is never empty."""
        started = stopwatch()
        try:
            result = await read
        except HedgerError as problem:
            self._observer.timed(f"read_{what}", venue.account, stopwatch() - started, type(problem).__name__)
            self._inbox.put(ReadFailed(account=venue.account, what=what, reason=str(problem), id=id))
            return None
        self._observer.timed(f"read_{what}", venue.account, stopwatch() - started, "ok")
        return result

    async def _stream(self, venue: Venue) -> None:
        """Pass streamed hints on; when the stream ends, say so and begin again, ever later where it does not last."""
        failures = 0
        while True:
            begun_at = self._clock.now_ms()
            try:
                async for hint in venue.hints():
                    self._inbox.put(hint)
                    while self._inbox.full:
                        await self._clock.sleep(0.01)
                text = "the stream ended"
            except HedgerError as problem:
                text = str(problem)
            steady = self._clock.now_ms() - begun_at >= STEADY_MS
            failures = 1 if steady else failures + 1
            self._inbox.put(StreamChanged(account=venue.account, up=False, text=text))
            await self._clock.sleep(_backoff(0.5, failures))

    async def _prices(self, venue: Venue, ids: tuple[InstrumentId, ...]) -> None:
        """Ask for prices that the streams have not freshened."""
        failures = 0
        while True:
            old = self._clock.now_ms() - int(self._polling.prices_s * 1000)
            stale = [id for id in ids if self._older(id, old)]
            prices = await self._read(venue, "prices", venue.read_prices(stale)) if stale else ()
            for price in prices or ():
                self._inbox.put(price)
            failures = failures + 1 if prices is None else 0
            await self._clock.sleep(_backoff(self._polling.prices_s, failures))

    def _older(self, id: InstrumentId, than: int) -> bool:
        """Whether a price is older than a moment of our clock, by its receipt or by the venue's own time."""
        offset_ms = self._state.accounts[id.account].offset_ms
        held = (self._state.quotes.get(id), self._state.marks.get(id))
        return any(h is None or h[1] < than or h[0].exchange_at - offset_ms < than for h in held)

    async def _funding(self, venue: Venue) -> None:
        """Read funding payments of the last day, or since the start that the journal knows where that is longer."""
        since_at = self._funding_since_at
        while True:
            requested_at = self._clock.now_ms()
            payments = await self._read(venue, "funding", venue.read_funding(since_at))
            if payments is not None:
                read = FundingRead(
                    account=venue.account, requested_at=requested_at, since_at=since_at, payments=payments
                )
                self._inbox.put(read)
                since_at = max(since_at, requested_at - DAY_MS)
            await self._clock.sleep(self._polling.funding_s)

    async def _offset(self, venue: Venue) -> None:
        """Measure how far the venue's clock is from ours."""
        while True:
            offset_ms = await self._read(venue, "clock", venue.measure_clock())
            if offset_ms is not None:
                self._inbox.put(ClockMeasured(account=venue.account, offset_ms=offset_ms))
            await self._clock.sleep(self._polling.clock_s if offset_ms is not None else LONGEST_BACKOFF_S)


def _backoff(seconds: float, failures: int) -> float:
    """The usual pause, doubled with each failure in a row up to half a minute (or the pause, where that is longer)."""
    if not failures:
        return seconds
    return max(seconds, min(seconds * 2.0 ** min(failures, 10), LONGEST_BACKOFF_S))
