"""What a hedge's own orders have lately been like: how far their prices ranged, how many were canceled in vain, and
what they cost today.

What the journal remembers of a time that is yet to come, after a clock was set back, counts nothing.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hedger.engine.known.ledger import Ledger
from hedger.engine.known.movement import PriceRange
from hedger.engine.known.state import HedgeState
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import BPS, ZERO
from hedger.model.spans import DAY_MS, MINUTE_MS

PRICES_MINUTES = 10
CANCELS_MINUTES = 60


def priced(memory: HedgeState, id: InstrumentId, price: Decimal, now: int) -> HedgeState:
    """The memory with the price of an order that is sent now; of each minute only the range is kept."""
    minute = now // MINUTE_MS
    kept = [p for p in memory.prices if minute - PRICES_MINUTES < p.minute <= minute]
    this = next((p for p in kept if p.minute == minute and p.id == id), PriceRange(minute, id, price, price))
    wider = PriceRange(minute, id, min(this.low, price), max(this.high, price))
    return replace(memory, prices=(*(p for p in kept if p is not this), wider))


def price_range_bps(memory: HedgeState, id: InstrumentId, price: Decimal, now: int) -> Decimal:
    """How far apart, in basis points, the lowest and highest of our prices of ten minutes would be with this one."""
    minute = now // MINUTE_MS
    ranges = [p for p in memory.prices if p.id == id and minute - PRICES_MINUTES < p.minute <= minute]
    low = min((p.low for p in ranges), default=price)
    high = max((p.high for p in ranges), default=price)
    return (max(high, price) / min(low, price) - 1) * BPS


def canceled(memory: HedgeState, now: int) -> HedgeState:
    """The memory with one more cancel; a fill empties the count."""
    minute = now // MINUTE_MS
    counts = {at: count for at, count in memory.cancels if minute - CANCELS_MINUTES < at <= minute}
    counts[minute] = counts.get(minute, 0) + 1
    return replace(memory, cancels=tuple(counts.items()))


def cancels_in_vain(memory: HedgeState, now: int) -> int:
    """How many orders were canceled in the last hour since the last fill."""
    minute = now // MINUTE_MS
    return sum(count for at, count in memory.cancels if minute - CANCELS_MINUTES < at <= minute)


def day_opened(memory: HedgeState, ledger: Ledger, now: int) -> HedgeState:
    """The memory with what the hedge had cost when this day (UTC) began; the same object within a day."""
    today = now // DAY_MS
    return memory if memory.cost_day == today else replace(memory, cost_day=today, cost_before=ledger.cost)


def cost_today(memory: HedgeState, ledger: Ledger, now: int) -> Decimal:
    """What hedging cost today (+) or earned (-), in quote."""
    return ledger.cost - memory.cost_before if memory.cost_day == now // DAY_MS else ZERO
