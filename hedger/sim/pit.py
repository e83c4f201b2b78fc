"""One listing's place on the floor: its book, its premium, and what of it was last published."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from hedger.model.instrument import Payoff
from hedger.sim.book import Book
from hedger.sim.funding import PremiumTracker, next_settlement
from hedger.sim.nouns import Listing, Wallet

Best = tuple[tuple[Decimal, Decimal] | None, tuple[Decimal, Decimal] | None]


class Party(NamedTuple):
    """One side of an execution: an owner (None is the crowd) and their order."""

    owner: str | None
    order_id: int


CROWD = Party(None, 0)


@dataclass(slots=True, kw_only=True)
class Pit:
    """One listing's book, and what of it was last published."""

    listing: Listing
    book: Book = field(default_factory=Book)
    published: Best = (None, None)
    update_id: int = 1
    changed_at: int = 0
    tracker: PremiumTracker | None = None


def open_pit(listing: Listing, now: int) -> Pit:
    """An empty pit, as of `now` (ms)."""
    if listing.wallet is Wallet.SPOT:
        return Pit(listing=listing)
    interval, expiry_at = listing.funding_interval_ms, listing.expiry_at
    tracker = PremiumTracker(
        interval_ms=interval,
        next_funding_at=next_settlement(now, interval) if expiry_at is None else expiry_at,
        dated=expiry_at is not None,
        inverse_multiplier=listing.contract_multiplier if listing.payoff is Payoff.INVERSE else None,
        interest=listing.interest,
        damper=listing.damper,
    )
    return Pit(listing=listing, tracker=tracker)
