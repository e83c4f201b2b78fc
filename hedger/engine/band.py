"""How far the delta may stray, and how much to trade when it has strayed too far."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, assert_never

from hedger.engine.policy import Band, BandRule, RebalanceTo
from hedger.model.numeric import ZERO


class Widths(NamedTuple):
    """The band around the target in coins: the deviation may be in [−lower, +upper]."""

    upper: Decimal
    lower: Decimal

    def holds(self, deviation: Decimal) -> bool:
        """Whether a deviation lies inside the band, its edges included."""
        return -self.lower <= deviation <= self.upper


def widths(band: Band, holding: Decimal, price: Decimal) -> Widths:
    """The band's widths in coins, given the holding in coins and the price of a coin in quote (> 0)."""
    match band.rule:
        case BandRule.COINS:
            return Widths(band.upper, band.lower)
        case BandRule.RELATIVE:
            size = abs(holding)
            return Widths(max(band.upper * size, band.floor), max(band.lower * size, band.floor))
        case BandRule.QUOTE:
            return Widths(band.upper / price, band.lower / price)
        case _:
            assert_never(band.rule)


def rebalance(band: Band, edges: Widths, low: Decimal, high: Decimal) -> Decimal:
    """The signed quantity in coins to trade, when the deviation may be anywhere in [low, high].

    Only when the whole interval is outside the band on one side is anything traded, and then only what its near
    end needs: no outcome of the orders that make the interval can carry the book past where it should end.
    """
    if low > edges.upper:
        return -(low - (ZERO if band.rebalance_to is RebalanceTo.TARGET else edges.upper))
    if high < -edges.lower:
        return -(high + (ZERO if band.rebalance_to is RebalanceTo.TARGET else edges.lower))
    return ZERO
