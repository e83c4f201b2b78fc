"""What the runtime needs from the outside: a clock and venues. The consumer owns the protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from hedger.engine.known.state import State
from hedger.engine.step import Result
from hedger.model.account import AccountReading, FundingPayment, MarginMode
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import Candle, FundingRate, Mark, Quote
from hedger.model.message import (
    CancelAnswered,
    CancelOrder,
    ClockMeasured,
    InstrumentsLoaded,
    OrderAccepted,
    OrderOutcomeUnknown,
    OrderRejected,
    PlaceOrder,
    Stamped,
    StreamChanged,
    VenueQuieted,
)
from hedger.model.order import Fill, OrderReport

PlaceOutcome = OrderAccepted | OrderRejected | OrderOutcomeUnknown
CancelOutcome = OrderReport | CancelAnswered
Hint = Quote | Mark | OrderReport | Fill | StreamChanged | ClockMeasured | InstrumentsLoaded
# Told in the moment in which a venue asks for quiet.
QuietTold = Callable[[VenueQuieted], None]
# Asked at the last moment before an order's first byte: why it may not be sent any more, None if it may.
LeaveTaken = Callable[[], str | None]


class Clock(Protocol):
    """The one source of time: `now_ms` never goes back, and a second of this clock may be shorter than a real one."""

    @property
    def speed(self) -> float:
        """How many of its seconds pass in a real one."""

    def span(self, seconds: float) -> float:
        """How many seconds of the event loop's own time `seconds` of this clock are."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long on this clock."""


class Observer(Protocol):
    """Whoever watches: metrics, logs, the terminal. It is told after the fact and cannot change anything."""

    def observe(self, before: State, stamped: Stamped, result: Result, seconds: float) -> None:
        """One event was handled, in so many seconds."""

    def queued(self, events: int) -> None:
        """So many events wait in the inbox."""

    def timed(self, stage: str, account: str, seconds: float, outcome: str) -> None:
        """A stage of the shell (`place`, `cancel`, `read_account`, `commit`, `lag` …) took so long and came to this."""


class Venue(Protocol):
    """One account on one venue.

    Reads raise `AskAgain` (may pass) or `GiveUp` (will not) and never return a part as if it were the whole.
    `place` and `cancel` never raise for what the venue or the network does: the outcome is a value, and
    whatever is not provably accepted or refused is unknown. Each call is bounded in time by the venue itself.
    """

    account: str
    transport: str

    async def open(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Connect, check that the client is safe to use, and load the rules of `symbols` (with our fees).

        A dated contract whose day has come and that is not traded any more is left out; its orders and fills are still
        asked about. Any other that is not listed is an error.
        """

    async def read_instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Read the rules of `symbols` anew; one that does not trade any more is left out."""

    async def configure(self, symbols: Sequence[str], *, leverage: int, margin_mode: MarginMode) -> None:
        """Set one-way position mode, margin mode and leverage on derivative `symbols`, and confirm each by reading."""

    async def measure_clock(self) -> int:
        """How many milliseconds the venue's clock is ahead of ours; the venue's requests are stamped accordingly."""

    async def read_account(self) -> AccountReading:
        """Read balances, positions, margin, open orders and modes, all or nothing."""

    async def read_prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        """Read quotes, and for derivatives also marks, of `ids`."""

    async def read_fills(self, id: InstrumentId, since_at: int) -> tuple[Fill, ...]:
        """Read every fill of ours on an instrument since `since_at` (paged to the end)."""

    async def read_funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        """Read every funding payment of the configured derivatives since `since_at` (paged to the end)."""

    async def read_candles(self, id: InstrumentId, interval_ms: int, count: int) -> tuple[Candle, ...]:
        """Read the last `count` closed bars of the index of a contract (of a spot pair, its own), oldest first and
        without a gap: all of them, or AskAgain."""

    async def read_funding_rates(self, id: InstrumentId, count: int) -> tuple[FundingRate, ...]:
        """Read what the last settlements of a perpetual paid, oldest first, at most `count` and at least the newest."""

    async def find_order(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        """The venue's record of an order by our id, None when the venue says that it knows none."""

    async def place(self, order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
        """Send one post-only create, exactly once, if `leave` lets it go when its turn has come."""

    async def cancel(self, order: CancelOrder) -> CancelOutcome:
        """Ask the venue to cancel an order by our id; the venue's own record of it when the answer holds one."""

    async def extend_switch(self, symbols: Sequence[str], timeout_ms: int) -> None:
        """Have the venue cancel our orders on `symbols` in `timeout_ms`, unless this is asked again before.

        Returns when the venue has confirmed each that trades; where one is refused as no contract that trades, nothing
        is created on it until it is confirmed. Raises GiveUp where the venue has no such switch.
        """

    def keep_quiet(self, until_at: int, *, banned: bool) -> None:
        """Heed what the venue asked of an earlier start: nothing leaves before `until_at` (a ban: no cancel either)."""

    def on_quiet(self, told: QuietTold) -> None:
        """Tell from now on each quiet that the venue asks for, before the request that met it ends: while it opens and
        while it closes too. Nobody else tells of it."""

    def hints(self) -> AsyncIterator[Hint]:
        """Streamed news. A hint wakes the engine and freshens prices; it proves nothing about absence."""

    async def close(self) -> None:
        """Close connections. Orders are not touched."""
