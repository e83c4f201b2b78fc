"""The reader of the past: bars and settled funding rates, at the start and every hour, in nobody's way.

What it cannot read says nothing of an account and stops no hedge; what it would have freshened grows old.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from hedger.model.instrument import Instrument, InstrumentId, Kind
from hedger.model.message import CandlesRead, FundingRatesRead
from hedger.runtime.loop import Loop
from hedger.runtime.ports import Clock, Venue

FIRST_PAUSE_S = 30.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPolling:
    """What is read of the past: `bars` closed bars of `interval_ms` and `rates` funding rates, every `every_s`."""

    interval_ms: int = 3_600_000
    bars: int = 720
    rates: int = 100
    every_s: float = 3_600.0


USUAL = HistoryPolling()


class Read(Protocol):
    """How a reader reads: the result, or None with the failure told to the engine."""

    async def __call__(self, venue: Venue, what: str, read: Awaitable[T], id: InstrumentId | None = None) -> T | None:
        """Await one read that is called `what`, about an instrument."""


class HistoryReader:
    """Reads the past of one loop's instruments, each account in a task of its own, for ever."""

    def __init__(self, *, loop: Loop, clock: Clock, polling: HistoryPolling, read: Read) -> None:
        self._loop = loop
        self._clock = clock
        self._polling = polling
        self._read = read

    async def run(self, venue: Venue, ids: tuple[InstrumentId, ...]) -> None:
        """Read, and again every so often; after a failure sooner, but ever later where failures go on."""
        every_s, failures = self._polling.every_s, 0
        while True:
            rules = await self._rules(ids)
            whole = await self._bars(venue, rules)
            whole = await self._rates(venue, rules) and whole
            failures = 0 if whole else failures + 1
            pause_s = FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20)
            await self._clock.sleep(min(pause_s, every_s) if failures else every_s)

    async def _rules(self, ids: tuple[InstrumentId, ...]) -> list[Instrument]:
        """What the instruments are, once the engine knows it."""
        while not all(id in self._loop.state.instruments for id in ids):
            await self._clock.sleep(0.1)
        return [self._loop.state.instruments[id] for id in ids]

    async def _bars(self, venue: Venue, rules: Iterable[Instrument]) -> bool:
        """Whether the bars of every coin were read: from the first of its instruments that has any."""
        coins: dict[str, list[InstrumentId]] = {}
        for instrument in sorted(rules, key=lambda rules: rules.kind is Kind.SPOT):  # a contract has an index
            coins.setdefault(instrument.underlying, []).append(instrument.id)
        found = [await self._bars_of_coin(venue, ids) for ids in coins.values()]
        return all(found)

    async def _bars_of_coin(self, venue: Venue, ids: list[InstrumentId]) -> bool:
        interval_ms = self._polling.interval_ms
        for id in ids:
            candles = await self._read(venue, "candles", venue.read_candles(id, interval_ms, self._polling.bars), id)
            if candles is not None:
                self._loop.inbox.put(CandlesRead(id=id, interval_ms=interval_ms, candles=candles))
                return True
        return False

    async def _rates(self, venue: Venue, rules: Iterable[Instrument]) -> bool:
        """Whether the funding rates of every perpetual were read."""
        whole = True
        for id in [instrument.id for instrument in rules if instrument.kind is Kind.PERPETUAL]:
            rates = await self._read(venue, "funding_rates", venue.read_funding_rates(id, self._polling.rates), id)
            whole = whole and rates is not None
            if rates is not None:
                self._loop.inbox.put(FundingRatesRead(id=id, rates=rates))
        return whole
