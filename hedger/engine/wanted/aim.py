"""Where the delta of a hedge should be and how far it may stray, given what is held and what a coin costs."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from hedger.engine.known.policy import COMPUTED, BandRule, Hedge
from hedger.engine.known.state import Exposure, State
from hedger.engine.known.widths import Widths
from hedger.engine.wanted.band import steady, widths
from hedger.engine.wanted.conditions import WITH_INPUTS, conditions, size_of
from hedger.engine.wanted.target import target_delta
from hedger.model.numeric import ZERO


class Aim(NamedTuple):
    """The wanted net delta in coins, and the band around it; with a `flaw`, for a person, nothing may be traded."""

    target: Decimal
    edges: Widths
    flaw: str | None = None

    def holds(self, delta: Decimal) -> bool:
        """Whether a net delta lies in the band around the target."""
        return self.edges.holds(delta - self.target)


def aim(state: State, hedge: Hedge, held: Exposure, price: Decimal) -> Aim:
    """The target and the band of a hedge at a price of the coin in quote (> 0)."""
    band = hedge.band
    if band.rule not in WITH_INPUTS:  # as most are: nothing but the holding and the price is asked
        size = held.unhedged if band.rule is BandRule.RELATIVE else ZERO
        return Aim(target_delta(hedge, held, price, state.now), widths(band, size, price))
    now = conditions(state, hedge, held, price)
    edges = widths(band, size_of(held), price, now)
    if band.rule in COMPUTED and now.flaw is None:
        edges = steady(state.hedges[hedge.name].edges, edges)
    return Aim(target_delta(hedge, held, price, state.now) + now.lean, edges, now.flaw)
