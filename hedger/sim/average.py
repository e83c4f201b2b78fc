"""The average that an expiry is settled at: the index once a second, over the last while before it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from hedger.model.numeric import ZERO
from hedger.sim.nouns import Listing, OptionListing

GRID = Decimal("0.00000001")


class Ending(NamedTuple):
    """What expires together, at one price: the contracts and options on a coin in a quote."""

    base: str
    quote: str
    expiry_at: int
    settlement_ms: int


def ending_of(listing: Listing | OptionListing) -> Ending | None:
    """How a listing ends; None for one that does not."""
    if listing.expiry_at is None:
        return None
    return Ending(listing.base, listing.quote, listing.expiry_at, listing.settlement_ms)


@dataclass(slots=True, kw_only=True)
class Average:
    """An average in the making: the sum of the samples `taken` so far, `of` so many in all. Prices for one coin."""

    of: int
    total: Decimal = ZERO
    taken: int = 0

    def take(self, price: Decimal | None) -> None:
        """One more sample; without a price the average makes do with one less."""
        if price is None:
            self.of -= 1
            return
        self.total += price
        self.taken += 1

    @property
    def left(self) -> float:
        """The share of the average that is still open: 1 before the first sample, 0 after the last."""
        return 1 - self.taken / self.of if self.of > 0 else 0.0

    def expected(self, price: Decimal) -> Decimal:
        """What it comes to if the rest of the samples are `price`."""
        return (self.total + (self.of - self.taken) * price) / self.of if self.of > 0 else price

    def result(self) -> Decimal | None:
        """The mean of what was taken; None of nothing."""
        return (self.total / self.taken).quantize(GRID) if self.taken else None
