"""What is known of prices on OKX: marks, indexes and funding come apart, and a mark of ours is all of them."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from hedger.model.instrument import InstrumentId
from hedger.model.market import Mark
from hedger.model.numeric import ZERO
from hedger.model.spans import HOUR_MS
from hedger.venues.okx.listing import Contract
from hedger.venues.okx.payloads import FundingRow, IndexRow, MarkRow

PAID_EVERY_HOURS = (1, 2, 4, 6, 8, 12, 24)
USUAL_INTERVAL_MS = 8 * HOUR_MS
# The venue tells an index that stands still once a minute: one that is older says nothing of now.
OLDEST_INDEX_MS = 70_000


class Funding(NamedTuple):
    """A perpetual's funding: the rate of the settlement at `first_at`, and when the one after it is."""

    rate: Decimal
    first_at: int
    second_at: int

    @property
    def interval_ms(self) -> int:
        """How often it pays."""
        return self.second_at - self.first_at


def funding_of(row: FundingRow) -> Funding:
    """ValueError for an interval that is none, and for a rate that is none."""
    found = Funding(row.fundingRate, row.fundingTime, row.nextFundingTime)
    if found.interval_ms not in (hours * HOUR_MS for hours in PAID_EVERY_HOURS):
        raise ValueError(f"{row.instId} would pay funding every {found.interval_ms} ms")
    if abs(found.rate) >= 1:
        raise ValueError(f"the funding rate of {row.instId} is no rate")
    return found


class MarkBook:
    """The newest mark, index and funding that were heard, by the venue's names."""

    def __init__(self) -> None:
        self.marks: dict[str, MarkRow] = {}
        self.indexes: dict[str, IndexRow] = {}
        self.funding: dict[str, Funding] = {}

    def mark(self, contract: Contract, id: InstrumentId, mark: MarkRow) -> Mark | None:
        """All of it as one; None while a part has not been heard, or the index no longer."""
        index, funding = self.indexes.get(contract.index_name), self.funding.get(contract.raw)
        if index is None or mark.ts - index.ts > OLDEST_INDEX_MS:
            return None
        if funding is None and contract.expiry_at is None:
            return None
        return mark_of(id, mark, index, funding if contract.expiry_at is None else None)

    def price_of(self, coin: str) -> Decimal | None:
        """A coin's index price in dollars; None while none was heard."""
        heard = self.indexes.get(f"{coin}-USD") or self.indexes.get(f"{coin}-USDT") or self.indexes.get(f"{coin}-USDC")
        return heard.idxPx if heard is not None else None


def mark_of(id: InstrumentId, mark: MarkRow, index: IndexRow, funding: Funding | None) -> Mark:
    """A mark with its index and funding; a dated contract has none."""
    upcoming = 0
    if funding is not None:
        upcoming = funding.first_at if funding.first_at > mark.ts else funding.second_at
    return Mark(
        id=id,
        mark_price=mark.markPx,
        index_price=index.idxPx,
        funding_rate=funding.rate if funding is not None else ZERO,
        funding_interval_ms=funding.interval_ms if funding is not None else USUAL_INTERVAL_MS,
        next_funding_at=upcoming,
        exchange_at=mark.ts,
    )
