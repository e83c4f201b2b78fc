"""What each guard would see now, beside its limit: how near a hedge is to the end of what its owner allows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal

from prometheus_client import Gauge

from hedger.engine.formulas.carry import basis_yearly, yearly_funding
from hedger.engine.guards.conduct import cancels_in_vain, cost_today, price_range_bps
from hedger.engine.guards.margin import liquidation_distances, margin_ratios
from hedger.engine.held.expiry import left_ms
from hedger.engine.held.exposure import coins_for, position_of
from hedger.engine.held.freshness import age_of, venue_now
from hedger.engine.known.ledger import basis_bps
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import State
from hedger.engine.wanted.quoting import joined_notional
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.numeric import BPS, ZERO
from hedger.model.order import Side
from hedger.model.spans import DAY_MS, MINUTE_MS
from hedger.ops.guard_limits import NOT_NUMBERS, SCALES

EVERY_MS = 1_000
OF_AN_ORDER = frozenset({"order_notional"})  # there is no such value before there is an order
GUARDS_WITH_VALUE = tuple(name for name in SCALES if name not in OF_AN_ORDER | NOT_NUMBERS)
Value = Decimal | int | None


class GuardGauges:
    """The guards of one hedge as gauges; written on the clock's beat, once a second at most."""

    def __init__(self, meter: Gauge, hedge: Hedge) -> None:
        self._writes = {name: meter.labels(hedge.name, name).set for name in GUARDS_WITH_VALUE}
        self._shown_at = 0
        for write in self._writes.values():
            write(math.nan)

    def show(self, state: State, hedge: Hedge) -> None:
        """What is known now."""
        if state.now - self._shown_at < EVERY_MS:
            return
        self._shown_at = state.now
        for name, value in guard_values(state, hedge).items():
            self._writes[name](math.nan if value is None else float(value))


def guard_values(state: State, hedge: Hedge) -> dict[str, Value]:
    """What each numeric guard sees now, in the units of `hedger_guard_limit`: seconds, ratios, quote, coins, counts.

    Prices are those of the instrument that was last decided on, ages of accounts the worst of those looked at. None is
    not known, or does not exist: a perpetual has no end. A limit is the most that a value may be, but the least of
    `depth`, `expiring` and `liquidation_distance`.
    """
    id = _decided_on(state, hedge)
    seen: dict[str, Value] = dict.fromkeys(GUARDS_WITH_VALUE)
    for name, value in (*_of_prices(state, hedge, id), *_of_memory(state, hedge), *_of_accounts(state, hedge, id)):
        seen[name] = None if value is None else value * SCALES[name]
    return seen


def _decided_on(state: State, hedge: Hedge) -> InstrumentId:
    decision = state.hedges[hedge.name].decision
    if decision is not None and decision.quote is not None and decision.quote.id in hedge.instruments:
        return decision.quote.id
    return hedge.instruments[0]


def _of_prices(state: State, hedge: Hedge, id: InstrumentId) -> Iterator[tuple[str, Value]]:
    """Ages in ms, distances in basis points, as the limits are configured."""
    quote, mark = state.quotes.get(id), state.marks.get(id)
    offset = state.accounts[id.account].offset_ms
    if quote is not None:
        yield "quote_age", age_of(state.now, quote[1], quote[0].exchange_at, offset)
        yield from _of_quote(state, hedge, quote[0])
    if mark is not None:
        yield "mark_age", age_of(state.now, mark[1], mark[0].exchange_at, offset)
        yield from _of_mark(state, hedge, mark[0])
    if quote is not None and mark is not None:
        yield "mark_collar", abs(quote[0].mid_price / mark[0].mark_price - 1) * BPS
        yield "index_collar", abs(quote[0].mid_price / mark[0].index_price - 1) * BPS


def _of_quote(state: State, hedge: Hedge, quote: Quote) -> Iterator[tuple[str, Value]]:
    mid = quote.mid_price
    yield "spread", (quote.ask - quote.bid) / mid * BPS
    instrument = state.instruments.get(quote.id)
    if instrument is not None:
        yield "depth", min(joined_notional(side, quote, instrument) for side in Side)
    yield "price_drift", price_range_bps(state.hedges[hedge.name], quote.id, mid, state.now)


def _of_mark(state: State, hedge: Hedge, mark: Mark) -> Iterator[tuple[str, Value]]:
    instrument = state.instruments.get(mark.id)
    left = None if instrument is None else left_ms(instrument, venue_now(state, mark.id.account))
    if left is None:
        yield "basis", abs(basis_bps(mark.mark_price, mark.index_price))
        held = position_of(state, mark.id)
        yield "adverse_funding", None if not held else yearly_funding(mark) * (1 if held > 0 else -1)
        return
    yield "expiring", left
    yearly = basis_yearly(mark.mark_price, mark.index_price, left)
    yield "basis_yearly", None if yearly is None else Decimal(repr(abs(yearly)))


def _of_memory(state: State, hedge: Hedge) -> Iterator[tuple[str, Value]]:
    memory = state.hedges[hedge.name]
    today = memory.day == state.now // DAY_MS
    yield "orders_per_minute", sum(at > state.now - MINUTE_MS for at in memory.sent_at)
    yield "orders_per_day", memory.day_orders if today else 0
    yield "daily_notional", memory.day_notional if today else ZERO
    yield "daily_cost", cost_today(memory, state.ledgers[hedge.name], state.now)
    yield "cancels_per_hour", cancels_in_vain(memory, state.now)
    yield "futile_hedges", memory.futile


def _of_accounts(state: State, hedge: Hedge, id: InstrumentId) -> Iterator[tuple[str, Value]]:
    views = [state.accounts[account] for account in state.accounts_of_hedge[hedge.name]]
    if any(view.reading is None for view in views):
        return
    yield (
        "account_age",
        max(
            age_of(state.now, view.believed_at, view.reading.exchange_at, view.offset_ms)
            for view in views
            if view.reading is not None
        ),
    )
    yield "margin_ratio", max(margin_ratios(state, hedge), default=None)
    yield "liquidation_distance", min(liquidation_distances(state, hedge), default=None)
    yield "leverage", _leverages(state).get(id)
    known = [state.instruments[id] for id in hedge.instruments if id in state.instruments]
    yield "position", sum((abs(coins_for(state, hedge, one, position_of(state, one.id))) for one in known), ZERO)


def _leverages(state: State) -> Mapping[InstrumentId, Decimal]:
    readings = (view.reading for view in state.accounts.values())
    return {row.id: row.leverage for reading in readings if reading is not None for row in reading.positions}
