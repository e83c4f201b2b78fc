"""What a hedge remembers of its band: the widths that it keeps, and when it was last on its target."""

from __future__ import annotations

from dataclasses import replace

from hedger.engine.decision.facts import Facts
from hedger.engine.known.policy import COMPUTED, OCCASIONAL, Hedge
from hedger.engine.known.state import HedgeState, State
from hedger.engine.wanted.conditions import is_due


def remembered(state: State, hedge: Hedge, memory: HedgeState, facts: Facts) -> HedgeState:
    """The memory after a look at the band.

    What is due is done once the delta is on the target and nothing that is pending can carry it away again: an order
    that was refused or filled in part leaves it due.
    """
    if hedge.band.rule in COMPUTED and facts.flaw is None and facts.edges != memory.edges:
        return replace(memory, edges=facts.edges)
    if hedge.band.rule not in OCCASIONAL or facts.flaw is not None or not facts.inside:
        return memory
    if facts.exposure.low != facts.exposure.high or not is_due(state, hedge, memory, facts.price):
        return memory
    return replace(memory, hedged_at=state.now, hedged_price=facts.price)
