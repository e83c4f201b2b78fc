"""The current values of hedges, accounts and markets, written into their gauges."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

from hedger.engine.decision.facts import gather
from hedger.engine.formulas.carry import yearly_funding
from hedger.engine.guards.conduct import cost_today
from hedger.engine.known.breaker import BreakerStatus
from hedger.engine.known.latch import Flatten
from hedger.engine.known.ledger import Ledger
from hedger.engine.known.orders import FINAL, OrderStatus
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.state import AccountView, State
from hedger.engine.news.executions import wants_word
from hedger.model.account import Position
from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark, Quote
from hedger.model.numeric import BPS, ZERO
from hedger.model.spans import DAY_MS
from hedger.ops.greeks import OptionGauges
from hedger.ops.guard_limits import limits_of
from hedger.ops.guard_values import GuardGauges
from hedger.ops.meters import AccountMeters, HedgeMeters
from hedger.ops.standstill import cannot_act
from hedger.ops.unhedged import is_unhedged, is_unhedged_on_purpose, outside_ms

FLATTENS = ("working", "held", "flat")
LIVE = tuple(status for status in OrderStatus if status not in FINAL)
_UNKNOWN = math.nan


class HedgeGauges:
    """The gauges of one hedge. What is not known is NaN, never zero: zero would say flat."""

    def __init__(self, meters: HedgeMeters, hedge: Hedge, options: OptionGauges) -> None:
        self._hedge = hedge
        self._options = options
        name = hedge.name
        exposure = (meters.delta, meters.delta_low, meters.delta_high, meters.spot, meters.static, meters.futures)
        wanted = (meters.target, meters.deviation, meters.upper, meters.lower)
        self._facts = tuple(meter.labels(name).set for meter in (*exposure, *wanted))
        self._outside = meters.outside.labels(name).set
        self._outside_since = meters.outside_since.labels(name).set
        self._unhedged = meters.unhedged.labels(name).set
        self._on_purpose = meters.unhedged_on_purpose.labels(name).set
        self._stuck = meters.cannot_act.labels(name).set
        self._outside_seconds = meters.outside_seconds.labels(name).inc
        self._counted_ms = 0
        memory = (meters.worst, meters.day_orders, meters.day_notional, meters.day_cost, meters.futile)
        self._memory = tuple(meter.labels(name).set for meter in memory)
        self._severities = tuple(
            meters.severity.labels(name, guard).set for guard in ("margin_ratio", "liquidation_distance")
        )
        self._working = {status: meters.working.labels(name, status.value).set for status in LIVE}
        sums = (meters.fees, meters.funding, meters.slippage, meters.edge, meters.realised, meters.entry_basis)
        self._sums = tuple(meter.labels(name).set for meter in sums)
        self._flatten = {state: meters.flatten.labels(name, state).set for state in FLATTENS}
        self._guards = GuardGauges(meters.value, hedge)
        meters.info.labels(hedge.name, hedge.underlying).set(1)
        for write in (*self._facts, self._sums[-1], self._outside_since):
            write(_UNKNOWN)
        self._meters = meters
        self.adopt(hedge)

    def adopt(self, hedge: Hedge) -> None:
        """The limits of a hedge, at the start and when its owner has changed them."""
        self._hedge = hedge
        self._meters.unhedged_after.labels(hedge.name).set(hedge.unhedged_after_ms / 1000)
        for guard, level, value in limits_of(hedge.guards):
            self._meters.limit.labels(hedge.name, guard, level).set(value)

    def show_guards(self, state: State) -> None:
        """What each guard sees now."""
        self._guards.show(state, self._hedge)

    def show_stuck(self, state: State, policy: Policy, since: Mapping[str, int]) -> None:
        """Whether it could not have acted for too long."""
        self._stuck(cannot_act(state, policy, self._hedge, since))

    def show(self, state: State) -> None:
        """Exposure, band, and what the hedge remembers."""
        facts = gather(state, self._hedge)
        if facts is None:
            values: tuple[Decimal | float, ...] = (_UNKNOWN,) * len(self._facts)
        else:
            held, edges = facts.exposure, facts.edges
            exposure = (held.delta, held.low, held.high, held.spot, held.static, held.futures)
            values = (*exposure, facts.target, facts.deviation, edges.upper, edges.lower)
        for write, value in zip(self._facts, values, strict=True):
            write(float(value))
        self._options.show(state, facts.exposure if facts else None, state.hedges[self._hedge.name].greeks)
        self._show_memory(state)

    def _show_memory(self, state: State) -> None:
        memory = state.hedges[self._hedge.name]
        since = memory.outside_since
        self._outside(since is not None)
        self._outside_since(_UNKNOWN if since is None else since / 1000)
        self._unhedged(is_unhedged(state, self._hedge))
        self._on_purpose(is_unhedged_on_purpose(state, self._hedge))
        flatten = _flatten_state(state.flattening.get(self._hedge.name))
        for name, write in self._flatten.items():
            write(name == flatten)
        spent = outside_ms(state, self._hedge)
        if spent > self._counted_ms:
            self._outside_seconds((spent - self._counted_ms) / 1000)
            self._counted_ms = spent
        today = memory.day == state.now // DAY_MS
        orders, notional = (memory.day_orders, memory.day_notional) if today else (0, ZERO)
        cost = cost_today(memory, state.ledgers[self._hedge.name], state.now)
        values = (float(memory.max_abs_deviation), float(orders), float(notional), float(cost), float(memory.futile))
        for write, value in zip(self._memory, values, strict=True):
            write(value)
        for severity, level in zip(
            self._severities, (memory.margin_severity, memory.liquidation_severity), strict=True
        ):
            severity(level)

    def show_orders(self, state: State) -> None:
        """How many orders are live, by status."""
        counts = dict.fromkeys(LIVE, 0)
        for order in state.orders.values():
            if order.hedge == self._hedge.name and order.live:
                counts[order.status] += 1
        for status, write in self._working.items():
            write(counts[status])

    def show_ledger(self, ledger: Ledger) -> None:
        """What the hedge cost and earned."""
        entry = ledger.entry_basis_bps
        basis = _UNKNOWN if entry is None else float(entry / BPS)
        cash = (ledger.fees, ledger.funding, ledger.slippage, ledger.edge, ledger.realised_spread)
        sums = [float(value) for value in cash]
        for write, value in zip(self._sums, (*sums, basis), strict=True):
            write(value)


def _flatten_state(flatten: Flatten | None) -> str | None:
    if flatten is None:
        return None
    return "flat" if flatten.flat_at else "held" if flatten.held else "working"


class MarketGauges:
    """The prices of one instrument."""

    def __init__(self, meters: AccountMeters, id: InstrumentId) -> None:
        self._id = id
        quoted = (meters.mid, meters.spread, meters.quote_at)
        paid = (meters.funding, meters.funding_annual, meters.funding_at)
        marked = (meters.mark, meters.index, meters.basis, *paid, meters.mark_at)
        self._quoted = tuple(meter.labels(*id).set for meter in quoted)
        self._marked = tuple(meter.labels(*id).set for meter in marked)
        for write in (*self._quoted[:-1], *self._marked[:-1]):
            write(_UNKNOWN)

    def show(self, state: State) -> None:
        """The latest quote and mark, where there are any."""
        quote, mark = state.quotes.get(self._id), state.marks.get(self._id)
        if quote is not None:
            self._show_quote(*quote)
        if mark is not None:
            self._show_mark(*mark)

    def _show_quote(self, quote: Quote, at: int) -> None:
        mid, spread, seen = self._quoted
        mid(float(quote.mid_price))
        spread(float((quote.ask - quote.bid) / quote.mid_price))
        seen(at / 1000)

    def _show_mark(self, mark: Mark, at: int) -> None:
        price, index, basis, rate, yearly, paid_at, seen = self._marked
        price(float(mark.mark_price))
        index(float(mark.index_price))
        basis(float(mark.mark_price / mark.index_price - 1))
        rate(float(mark.funding_rate))
        yearly(float(yearly_funding(mark)))
        paid_at(mark.next_funding_at / 1000 if mark.funding_interval_ms else _UNKNOWN)
        seen(at / 1000)


class AccountGauges:
    """What is believed of one account."""

    def __init__(self, meters: AccountMeters, account: str, ids: tuple[InstrumentId, ...]) -> None:
        standing = (meters.equity, meters.margin_ratio, meters.initial, meters.maintenance, meters.available)
        self._standing = tuple(meter.labels(account).set for meter in standing)
        fresh = (meters.believed, meters.failures, meters.clock_offset, meters.stream_up, meters.clean_cycles)
        self._fresh = tuple(meter.labels(account).set for meter in fresh)
        self._doubted = meters.doubted.labels(account).set
        self._gate = _Gate(meters, account, ids)
        self._positions = {id: (meters.position.labels(*id).set, meters.liquidation.labels(*id).set) for id in ids}
        for write in (*self._standing, *(write for pair in self._positions.values() for write in pair)):
            write(_UNKNOWN)

    def show(self, view: AccountView, now: int) -> None:
        """The account's margin, positions and freshness."""
        facts = (view.believed_at / 1000, view.failures, view.offset_ms / 1000, view.stream_up, view.clean_cycles)
        for write, value in zip(self._fresh, facts, strict=True):
            write(value)
        self._doubted(wants_word(view, now))
        self._gate.show(view)
        if view.reading is None:
            return
        margin = view.reading.margin
        bound = (margin.initial_margin, margin.maintenance_margin, margin.available)
        for write, amount in zip(self._standing, (margin.equity, margin.margin_ratio, *bound), strict=True):
            write(float(amount))
        for position in view.reading.positions:
            self._show_position(position)

    def _show_position(self, position: Position) -> None:
        """Positions in instruments that are not configured have no series: label sets are closed."""
        writes = self._positions.get(position.id)
        if writes is None:
            return
        price, mark = position.liquidation_price, position.mark_price
        named = position.quantity and price is not None and mark > 0
        distance = abs(price / mark - 1) if named and price is not None else _UNKNOWN
        writes[0](float(position.delta))
        writes[1](float(distance))


class _Gate:
    """What stands between an account and its next order."""

    def __init__(self, meters: AccountMeters, account: str, ids: tuple[InstrumentId, ...]) -> None:
        self._breaker = {status: meters.breaker.labels(account, status.value).set for status in BreakerStatus}
        self._own = {id: meters.instrument_breaker.labels(*id).set for id in ids}
        self._trips, self._tripped = meters.breaker_trips.labels(account).inc, 0
        switch = (meters.switch_timeout, meters.switch_lease)
        self._switch = tuple(meter.labels(account).set for meter in switch)
        self._quiet_until, self._banned = (m.labels(account).set for m in (meters.quiet_until, meters.banned))
        for write in self._switch:
            write(_UNKNOWN)

    def show(self, view: AccountView) -> None:
        for status, write in self._breaker.items():
            write(status is view.breaker.status)
        for id, write in self._own.items():
            own = view.instrument_breakers.get(id)
            write(own is not None and own.status is not BreakerStatus.CLOSED)
        self._trips(view.breaker.tripped - self._tripped)
        self._tripped = view.breaker.tripped
        self._quiet_until(view.quiet_until_at / 1000)
        self._banned(view.banned)
        if view.switch is not None:
            timeout, lease = self._switch
            timeout(view.switch.timeout_ms / 1000)
            lease(view.switch.lease_until / 1000)
