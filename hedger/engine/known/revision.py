"""A policy that takes another's place while the program runs: what may not differ, and what the state must forget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.state import State
from hedger.model.message import PolicyChanged
from hedger.model.numeric import ZERO


def unrevisable(old: Policy, new: Policy) -> tuple[str, ...]:
    """What differs although the state, the readers and the venues were made for it; empty where `new` may take over.

    The settings refuse the same by their keys, in their owner's words; this is the last look before it happens.
    """
    whole = ("bot", "sends", "accounts", "venues", "switch_ms", "volatility")
    found = [name for name in whole if getattr(old, name) != getattr(new, name)]
    if [hedge.name for hedge in old.hedges] != [hedge.name for hedge in new.hedges]:
        return (*found, "hedges")
    for before, after in zip(old.hedges, new.hedges, strict=True):
        found += [f"hedges.{before.name}.{part}" for part in _parts(before, after)]
    return tuple(found)


def _parts(old: Hedge, new: Hedge) -> Iterator[str]:
    for name in ("underlying", "instruments", "spot_accounts", "numeraire", "numeraire_said", "cross"):
        if getattr(old, name) != getattr(new, name):
            yield name
    for name in ("leverage", "margin_mode"):
        if getattr(old.guards, name) != getattr(new.guards, name):
            yield f"guards.{name}"
    before, after = ([replace(peg, limit=ZERO, age=0) for peg in hedge.pegs] for hedge in (old, new))
    if before != after:
        yield "pegs"


def changed_hedges(old: Policy, new: Policy) -> tuple[str, ...]:
    """The hedges that the new policy says something else about."""
    known = {hedge.name: hedge for hedge in old.hedges}
    return tuple(hedge.name for hedge in new.hedges if known.get(hedge.name) != hedge)


def revised(state: State, event: PolicyChanged) -> State:
    """The state without what it remembers of the old policy: the widths that a computed band keeps until they are well
    off, and the last decision of each hedge that changed, so that the next one is told whatever it says."""
    fresh = {name: replace(state.hedges[name], edges=None, decision=None) for name in event.hedges}
    return state._replace(hedges={**state.hedges, **fresh})
