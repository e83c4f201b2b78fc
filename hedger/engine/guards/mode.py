"""What the whole program may do now, derived from the state each time; nothing else decides it."""

from __future__ import annotations

from hedger.engine.guards.gate import all_restricted, all_shut, broken, none_armed, quiet, too_many_unknown
from hedger.engine.guards.margin import at_their_stop, endangered_position
from hedger.engine.known.latch import at_work
from hedger.engine.known.orders import OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import Mode, Severity, State
from hedger.model.identity import parse_order_id

SETTLED_PROBES = 4


def with_mode(state: State, policy: Policy) -> State:
    """The state with its mode derived anew."""
    if not state.reconciled and _is_reconciled(state, policy):
        state = state._replace(reconciled=True)
    mode, why = _mode(state, policy)
    if mode is state.mode and why == state.mode_reason:
        return state
    return state._replace(mode=mode, mode_reason=why)


def _mode(state: State, policy: Policy) -> tuple[Mode, str]:
    """The mode and, where it is not the usual one, why."""
    if state.draining is not None:
        return Mode.DRAINING, state.draining
    if state.halted is not None:
        return Mode.HALTED, state.halted
    if not state.instruments:
        return Mode.BOOT, ""
    if not state.reconciled:
        return Mode.RECONCILING, state.reconcile_reason
    if not policy.sends:
        return Mode.SHADOW, _left_over(state)
    stopped = _cancel_only(state)
    if stopped is not None:
        return Mode.CANCEL_ONLY, stopped
    unknowns, shut = too_many_unknown(state, policy.breakers), all_shut(state)
    if unknowns is not None or shut is not None:
        saves = shut is not None and _saves(state, policy)
        return Mode.REDUCE_ONLY if saves else Mode.CANCEL_ONLY, unknowns or shut or ""
    reduced = _reduce_only(state, policy) or _only_flattens(state)
    return (Mode.HEDGING, "") if reduced is None else (Mode.REDUCE_ONLY, reduced)


def _left_over(state: State) -> str:
    """What rests in shadow, where nothing is sent: orders of an earlier start, which a person must see to."""
    live = sum(order.live for order in state.orders.values())
    text = f"{live} orders of an earlier start may still rest; in shadow nothing cancels them"
    return text if live else ""


def _cancel_only(state: State) -> str | None:
    """Why nothing may be created anywhere, not even to save margin."""
    if state.paused is not None and at_work(state.flattening) is None:
        return state.paused
    if state.journal_fault is not None:
        return state.journal_fault
    if state.flattening and state.hedges.keys() <= state.flattening.keys() and at_work(state.flattening) is None:
        return "every hedge is flattened"
    return "the loop came late" if state.now < state.lagged_until else None


def _saves(state: State, policy: Policy) -> bool:
    """Whether a margin reduction is due and may leave: open breakers and a lost switch stop only what is not one.
    Every account is shut then, so that nothing else leaves."""
    reducing = [hedge for hedge in policy.hedges if state.hedges[hedge.name].severity is Severity.REDUCE]
    held = [position.id for hedge in reducing if (position := endangered_position(state, hedge)) is not None]
    return any(not broken(state, id, saves=True) and not quiet(state, id.account, state.now) for id in held)


def _reduce_only(state: State, policy: Policy) -> str | None:
    """Why nothing may add risk anywhere: hedges share the margin of their account. One account of several is stopped
    by its guards alone."""
    stopped = (at_their_stop(hedge, state.hedges[hedge.name]) for hedge in policy.hedges)
    return all_restricted(state, frozenset[str]().union(*stopped))


def _only_flattens(state: State) -> str | None:
    """Why nothing leaves but what brings a flattened hedge's positions to zero: the others are paused, or there are no
    others."""
    alone = state.paused is not None or state.hedges.keys() <= state.flattening.keys()
    reason = at_work(state.flattening) if alone else None
    return None if reason is None else f"flatten: {reason}"


def _is_reconciled(state: State, policy: Policy) -> bool:
    """Every account read often enough since our last deed, every instrument known, each earlier order accounted for
    (unless nothing is sent anyway), and a dead man's switch armed somewhere, or margin to be saved without it: arm,
    verify, then the first order."""
    if none_armed(state) and not _saves(state, policy):
        return False
    known = state.instruments.keys() | state.delisted
    if any(id not in known for hedge in policy.hedges for id in hedge.instruments):
        return False
    views = state.accounts.values()
    if not all(view.settled and view.clean_cycles >= policy.clean_cycles for view in views):
        return False
    return not policy.sends or all(_accounted_for(state, client_order_id) for client_order_id in state.orders)


def _accounted_for(state: State, client_order_id: str) -> bool:
    """Final with its fills, of this start, or unknown and asked about so often that it stays reserved instead."""
    order = state.orders[client_order_id]
    identity = parse_order_id(client_order_id)
    if identity is None or identity.epoch >= state.epoch:
        return True
    if order.status is OrderStatus.UNKNOWN:
        return order.probes >= SETTLED_PROBES
    return not order.live and (not order.fills_missing or order.probes >= SETTLED_PROBES)
