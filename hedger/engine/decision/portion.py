"""How much of what is due one order on an instrument may be: its share, and no more than closes a position."""

from __future__ import annotations

from decimal import Decimal

from hedger.engine.decision.choice import tradable
from hedger.engine.decision.facts import Facts
from hedger.engine.decision.roll import least_units
from hedger.engine.decision.shares import most_of, parts
from hedger.engine.guards.limits import reducible
from hedger.engine.held.exposure import position_of
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import State
from hedger.model.numeric import floor_to
from hedger.model.order import Side


def portion(state: State, hedge: Hedge, facts: Facts, side: Side) -> Decimal:
    """The most units of an order on the facts' instrument: what its share has room for, and where an order cannot turn
    a position round, no more than closes it."""
    most, held = _shared(state, hedge, facts), reducible(side, position_of(state, facts.instrument.id))
    return min(most, held) if held and not facts.instrument.turns_round else most


def _shared(state: State, hedge: Hedge, facts: Facts) -> Decimal:
    """What an instrument's share has room for, the smallest order at least; without shares, or where no other can be
    traded, all that it takes."""
    instrument = facts.instrument
    if hedge.shares is None or not facts.per_unit:
        return instrument.max_quantity
    able, coins = tradable(state, hedge, facts.exposure, hedge.instruments)
    if instrument.id not in able:
        return instrument.max_quantity
    found = parts(state, hedge, hedge.shares, able, coins)
    own = next(part for part in found if part.id == instrument.id)
    return max(floor_to(most_of(own, coins) / facts.per_unit, instrument.lot_size), least_units(facts, hedge))
