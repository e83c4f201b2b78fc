"""A venue seen through a lens: what a test bends of the simulated exchange's answers, and what it withholds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar, cast

from hedger.errors import AskAgain
from hedger.model.account import AccountReading, FundingPayment, MarginMode
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.market import Candle, FundingRate, Mark, Quote
from hedger.model.message import CancelAnswered, CancelOrder, OrderOutcomeUnknown, OrderRejected, PlaceOrder
from hedger.model.order import Fill, OrderReport, RejectReason
from hedger.runtime.ports import CancelOutcome, Hint, LeaveTaken, PlaceOutcome, QuietTold
from hedger.sim.port import SimVenue

H = TypeVar("H")


def same_reading(reading: AccountReading) -> AccountReading:
    return reading


def same_quote(quote: Quote) -> Quote | None:
    return quote


def same_mark(mark: Mark) -> Mark | None:
    return mark


async def no_line() -> None:
    return None


class LensVenue:
    """A `Venue` in front of a `SimVenue`. Bent: readings, quotes (None: withheld) and marks. Failing: reads by name.

    `silent` loses the stream's news of orders, `report` bends it, and `fill` its fills (None: lost). `hide_orders`
    makes the venue forget orders that are asked for by id, `ignore_cancels` know none that is to be canceled.
    `lose_acks` makes the answer of a create unknown after it arrived (`lose_creates`: before it left), and `refuse`
    refuses it. `placed` and `canceled` are what was asked, in order; `leaving` looks at each create before it leaves,
    and `in_line` is where it waits for its turn.
    """

    transport = "port"

    def __init__(self, inner: SimVenue) -> None:
        self.account = inner.account
        self.inner = inner
        self.reading: Callable[[AccountReading], AccountReading] = same_reading
        self.quote: Callable[[Quote], Quote | None] = same_quote
        self.mark: Callable[[Mark], Mark | None] = same_mark
        self.rules: Callable[[Instrument], Instrument] = lambda instrument: instrument
        self.candles: Callable[[tuple[Candle, ...]], tuple[Candle, ...]] = lambda candles: candles
        self.leaving: Callable[[PlaceOrder], None] = lambda order: None
        self.in_line: Callable[[], Awaitable[None]] = no_line
        self.failing: set[str] = set()
        self.fill: Callable[[Fill], Fill | None] = lambda fill: fill
        self.report: Callable[[OrderReport], OrderReport] = lambda report: report
        self.lose_acks = self.lose_creates = self.hide_orders = self.ignore_cancels = self.silent = False
        self.refuse: RejectReason | None = None
        self.placed: list[PlaceOrder] = []
        self.canceled: list[CancelOrder] = []

    def clear(self) -> None:
        """See straight again."""
        self.reading, self.quote, self.mark, self.fill = same_reading, same_quote, same_mark, lambda fill: fill
        self.failing.clear()
        self.lose_acks = self.lose_creates = self.hide_orders = self.ignore_cancels = self.silent = False
        self.refuse = None

    async def open(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        return tuple(self.rules(instrument) for instrument in await self.inner.open(symbols))

    async def read_instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        instruments = await self.inner.read_instruments(symbols)
        self._fail("instruments")
        return tuple(self.rules(instrument) for instrument in instruments)

    async def configure(self, symbols: Sequence[str], *, leverage: int, margin_mode: MarginMode) -> None:
        await self.inner.configure(symbols, leverage=leverage, margin_mode=margin_mode)

    async def measure_clock(self) -> int:
        return await self.inner.measure_clock()

    async def read_account(self) -> AccountReading:
        reading = await self.inner.read_account()
        self._fail("account")
        return self.reading(reading)

    async def read_prices(self, ids: Sequence[InstrumentId]) -> tuple[Quote | Mark, ...]:
        prices = await self.inner.read_prices(ids)
        self._fail("prices")
        return tuple(bent for price in prices if (bent := self._bent(price)) is not None)

    async def read_fills(self, id: InstrumentId, since_at: int) -> tuple[Fill, ...]:
        fills = await self.inner.read_fills(id, since_at)
        self._fail("fills")
        return fills

    async def read_funding(self, since_at: int) -> tuple[FundingPayment, ...]:
        payments = await self.inner.read_funding(since_at)
        self._fail("funding")
        return payments

    async def read_candles(self, id: InstrumentId, interval_ms: int, count: int) -> tuple[Candle, ...]:
        candles = await self.inner.read_candles(id, interval_ms, count)
        self._fail("candles")
        return self.candles(candles)

    async def read_funding_rates(self, id: InstrumentId, count: int) -> tuple[FundingRate, ...]:
        rates = await self.inner.read_funding_rates(id, count)
        self._fail("funding_rates")
        return rates

    async def find_order(self, id: InstrumentId, client_order_id: str) -> OrderReport | None:
        found = await self.inner.find_order(id, client_order_id)
        self._fail("order")
        return None if self.hide_orders else found

    async def place(self, order: PlaceOrder, leave: LeaveTaken) -> PlaceOutcome:
        self.leaving(order)
        self.placed.append(order)
        name = order.client_order_id
        if self.refuse is not None:
            return OrderRejected(client_order_id=name, reason=self.refuse, text="refused by the test")
        if self.lose_creates:
            return OrderOutcomeUnknown(client_order_id=name, text="lost by the test before it arrived")
        await self.in_line()
        outcome = await self.inner.place(order, leave)
        return OrderOutcomeUnknown(client_order_id=name, text="answer lost by the test") if self.lose_acks else outcome

    async def cancel(self, order: CancelOrder) -> CancelOutcome:
        self.canceled.append(order)
        if self.ignore_cancels:
            return CancelAnswered(client_order_id=order.client_order_id, known=False, text="unknown order")
        return await self.inner.cancel(order)

    async def extend_switch(self, symbols: Sequence[str], timeout_ms: int) -> None:
        self._fail("switch_request")
        await self.inner.extend_switch(symbols, timeout_ms)
        self._fail("switch")

    def keep_quiet(self, until_at: int, *, banned: bool) -> None:
        self.inner.keep_quiet(until_at, banned=banned)

    def on_quiet(self, told: QuietTold) -> None:
        self.inner.on_quiet(told)

    async def hints(self) -> AsyncIterator[Hint]:
        async for hint in self.inner.hints():
            bent = self._bent(hint)
            if bent is not None:
                yield bent

    async def close(self) -> None:
        await self.inner.close()

    def _bent(self, hint: H) -> H | None:
        bent: object = hint
        if isinstance(hint, Quote):
            bent = self.quote(hint)
        elif isinstance(hint, Mark):
            bent = self.mark(hint)
        elif isinstance(hint, Fill):
            bent = self.fill(hint)
        elif isinstance(hint, OrderReport):
            bent = None if self.silent else self.report(hint)
        return cast("H | None", bent)

    def _fail(self, what: str) -> None:
        if what in self.failing:
            raise AskAgain(f"{what} fails in this test")


# --- lenses -----------------------------------------------------------------------------------------------------------


def leaning(fraction: str) -> Callable[[Quote], Quote]:
    """Quotes that are higher by a fraction of themselves, on the grid of 0.1."""

    def bend(quote: Quote) -> Quote:
        by = (quote.mid_price * Decimal(fraction)).quantize(Decimal("0.1"))
        return replace(quote, bid=quote.bid + by, ask=quote.ask + by)

    return bend


def spread_out(fraction: str) -> Callable[[Quote], Quote]:
    """Quotes whose bid and ask are each further out by a fraction of the mid price."""

    def bend(quote: Quote) -> Quote:
        by = (quote.mid_price * Decimal(fraction)).quantize(Decimal("0.1"))
        return replace(quote, bid=quote.bid - by, ask=quote.ask + by)

    return bend


def thin(quote: Quote) -> Quote:
    """Quotes with next to nothing at the best prices."""
    return replace(quote, bid_quantity=Decimal("0.001"), ask_quantity=Decimal("0.001"))


def index_off(fraction: str) -> Callable[[Mark], Mark]:
    """Marks whose index is lower by a fraction."""
    return lambda mark: replace(mark, index_price=mark.index_price * (1 - Decimal(fraction)))


def with_margin_ratio(ratio: str) -> Callable[[AccountReading], AccountReading]:
    """Readings with this margin ratio."""

    def bend(reading: AccountReading) -> AccountReading:
        return replace(
            reading, margin=replace(reading.margin, maintenance_margin=reading.margin.equity * Decimal(ratio))
        )

    return bend


def with_liquidation_at(distance: str) -> Callable[[AccountReading], AccountReading]:
    """Readings whose positions are liquidated this far from the mark."""

    def bend(reading: AccountReading) -> AccountReading:
        rows = (replace(p, liquidation_price=p.mark_price * (1 + Decimal(distance))) for p in reading.positions)
        return replace(reading, positions=tuple(rows))

    return bend


def isolated(reading: AccountReading) -> AccountReading:
    """Readings that say that every position stands on its own margin."""
    rows = (replace(p, margin_mode=MarginMode.ISOLATED) for p in reading.positions)
    return replace(reading, positions=tuple(rows))


def levered(reading: AccountReading) -> AccountReading:
    """Readings that say that the leverage is five."""
    return replace(reading, positions=tuple(replace(p, leverage=Decimal(5)) for p in reading.positions))


def two_way(reading: AccountReading) -> AccountReading:
    """Readings of an account in hedge mode."""
    return replace(reading, one_way=False)
