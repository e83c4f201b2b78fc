"""Reading anew: after a gap, or what may have changed an account, nothing is created before it was read again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State


def after_gap(state: State, now: int) -> State:
    """Nothing reached us for so long that the process, or the machine, stood still: what is known is from before."""
    why = f"nothing happened for {now - state.now} ms: the process stood still"
    return reconcile_anew(state._replace(now=now), tuple(state.accounts), why)


def reconcile_anew(state: State, accounts: Iterable[str], why: str, policy: Policy | None = None) -> State:
    """The state in which nothing is created until these accounts were read again, as often as after a start. By a
    `policy` that lets the others go on without them, nothing is created there alone."""
    views, names = dict(state.accounts), tuple(accounts)
    apart = policy is not None and state.reconciled and policy.may_miss.issuperset(names)
    for name in names:
        barrier_at = max(views[name].barrier_at, state.now)
        owed = policy.clean_cycles if apart and policy is not None else views[name].owed
        views[name] = replace(views[name], barrier_at=barrier_at, clean_cycles=0, owed=owed)
    if apart:
        return state._replace(accounts=views)
    return state._replace(accounts=views, reconciled=False, reconcile_reason=why)
