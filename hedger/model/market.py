"""What a market says: the best prices of a book, and the mark, index and funding of a contract.

`exchange_at` is the venue's own time in milliseconds since 1970, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hedger.model.instrument import InstrumentId


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The best bid and ask of a book. Prices in quote per unit, quantities in units of the instrument."""

    id: InstrumentId
    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal
    exchange_at: int

    @property
    def mid_price(self) -> Decimal:
        """Half-way between the best bid and the best ask."""
        return (self.bid + self.ask) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A contract's mark and index price, and its funding: positive `funding_rate` means longs pay shorts.

    `funding_rate` is for one interval of `funding_interval_ms`; `next_funding_at` is when it is next paid. A dated
    contract has none: its rate is 0.
    """

    id: InstrumentId
    mark_price: Decimal
    index_price: Decimal
    funding_rate: Decimal
    funding_interval_ms: int
    next_funding_at: int
    exchange_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One bar of a mark or index price, in quote per unit; it began at `opened_at` (venue's time, ms since 1970)."""

    opened_at: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRate:
    """What one past settlement of a perpetual paid per unit of notional: positive, longs paid shorts."""

    rate: Decimal
    interval_ms: int
    settled_at: int
