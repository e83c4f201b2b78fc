"""How far through the market a limit price may reach where a venue does not refuse what is beyond, but moves it."""

from __future__ import annotations

from decimal import Decimal

from hedger.model.numeric import ceil_to, floor_to, is_multiple
from hedger.model.order import Side
from hedger.sim.nouns import Listing


def within_reach(price: Decimal, side: Side, listing: Listing, mark: Decimal, reach: Decimal) -> Decimal:
    """The price itself, or the last one on the grid that a buy above the mark, or a sell below it, may have: `reach` is
    a fraction of the mark (0: it is not known yet). What is off the grid stays as it is, to be refused."""
    if not mark or not is_multiple(price, listing.tick_size):
        return price
    if side is Side.BUY:
        return min(price, floor_to(mark * (1 + reach), listing.tick_size))
    return max(price, ceil_to(mark * (1 - reach), listing.tick_size))
