"""Since when nothing could be done for a hedge if its delta moved, and when that is a matter for whoever is on call."""

from __future__ import annotations

from collections.abc import Mapping

from hedger.engine.held.exposure import exposure
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.state import State
from hedger.model.account import Position
from hedger.ops.readiness import stale_detail
from hedger.ops.unhedged import on_purpose

TOO_LONG_MS = 900_000  # venues mend themselves within minutes, most times


class Standstills:
    """Remembers since when each hedge can do nothing. `look` is called on the beat; `since` is replaced whole.

    It begins anew with each start, and when a person unpauses: until then nothing was meant to be done.
    """

    def __init__(self) -> None:
        self.since: Mapping[str, int] = {}

    def look(self, state: State, policy: Policy) -> Mapping[str, int]:
        """Since when (the program's clock, ms), by the names of those hedges that can do nothing now."""
        stuck = (h.name for h in policy.hedges if against(state, h) is not None and not on_purpose(state, h))
        self.since = {name: self.since.get(name, state.now) for name in stuck}
        return self.since


def against(state: State, hedge: Hedge) -> str | None:
    """Why no order could be decided, whatever the delta is by now; None where one could.

    What stops orders while everything is seen is not meant: once the delta leaves its band, the hedge is unhedged.
    """
    if not state.reconciled:
        return f"the accounts are not believed: {state.reconcile_reason}"
    return stale_detail(state, hedge)


def cannot_act(state: State, policy: Policy, hedge: Hedge, since: Mapping[str, int]) -> bool:
    """Whether that has been so for too long and nothing else explains it, and there is something to hedge or it is not
    known whether there is. `since` is what `Standstills` remembers."""
    if not policy.sends or state.halted is not None or state.draining is not None:
        return False
    began_at = since.get(hedge.name)
    if began_at is None or state.now - began_at < TOO_LONG_MS or on_purpose(state, hedge):
        return False
    return against(state, hedge) is not None and _holds_something(state, hedge)


def _holds_something(state: State, hedge: Hedge) -> bool:
    held = exposure(state, hedge)
    if held is None:
        return True
    named = {position.id for account in state.accounts_of_hedge[hedge.name] for position in _positions(state, account)}
    return bool(held.holding or held.futures or held.options.options or named.intersection(hedge.instruments))


def _positions(state: State, account: str) -> list[Position]:
    reading = state.accounts[account].reading
    return [] if reading is None else [position for position in reading.positions if position.quantity]
