"""Where the delta of a hedge should be and how far it may stray, given what is held and what a coin costs."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from hedger.engine.band import Widths, widths
from hedger.engine.policy import Hedge
from hedger.engine.state import Exposure, State
from hedger.engine.target import target_delta


class Aim(NamedTuple):
    """The wanted net delta in coins, and the band around it."""

    target: Decimal
    edges: Widths

    def holds(self, delta: Decimal) -> bool:
        """Whether a net delta lies in the band around the target."""
        return self.edges.holds(delta - self.target)


def aim(state: State, hedge: Hedge, held: Exposure, price: Decimal) -> Aim:
    """The target and the band of a hedge at a price of the coin in quote (> 0)."""
    return Aim(target_delta(hedge, held, price), widths(hedge.band, held.unhedged, price))
