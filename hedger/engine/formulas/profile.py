"""A hedge ratio that depends on the price: straight between the points that its owner gives, flat outside them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from hedger.model.numeric import ZERO


class ProfilePoint(NamedTuple):
    """At this price of a coin in quote the share `ratio` of the holding is hedged: 0 none of it, 1 all of it."""

    price: Decimal
    ratio: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Two points or more, their prices ascending.

    Where the ratio rises with the price, the hedge sells as the price rises: concave, a synthetic short option. Where
    it falls, the hedge buys as the price rises: convex, a synthetic long option.
    """

    points: tuple[ProfilePoint, ...]

    def ratio(self, price: Decimal) -> Decimal:
        """The hedge ratio at a price; continuous in it."""
        before, after = self._around(price)
        if before is None or after is None:
            return (after or before or self.points[0]).ratio
        share = (price - before.price) / (after.price - before.price)
        return before.ratio + (after.ratio - before.ratio) * share

    def slope(self, price: Decimal) -> Decimal:
        """How much the ratio rises per unit of price; at a point, what it is just above it."""
        before, after = self._around(price)
        if before is None or after is None:
            return ZERO
        return (after.ratio - before.ratio) / (after.price - before.price)

    def _around(self, price: Decimal) -> tuple[ProfilePoint | None, ProfilePoint | None]:
        """The points at or below a price and above it, None where there is none."""
        at = bisect_right(self.points, price, key=lambda point: point.price)
        return (self.points[at - 1] if at else None), (self.points[at] if at < len(self.points) else None)
