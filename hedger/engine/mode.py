"""What the whole program may do now, derived from the state each time; nothing else decides it."""

from __future__ import annotations

from hedger.engine.orders import OrderStatus
from hedger.engine.policy import Policy
from hedger.engine.state import Mode, Severity, State
from hedger.model.identity import parse_order_id

SETTLED_PROBES = 4


def with_mode(state: State, policy: Policy) -> State:
    """The state with its mode derived anew."""
    if not state.reconciled and _is_reconciled(state, policy):
        state = state._replace(reconciled=True)
    mode = _mode(state, policy)
    return state if mode is state.mode else state._replace(mode=mode)


def _mode(state: State, policy: Policy) -> Mode:
    if state.draining is not None:
        return Mode.DRAINING
    if state.halted is not None:
        return Mode.HALTED
    if not state.instruments:
        return Mode.BOOT
    if not state.reconciled:
        return Mode.RECONCILING
    if not policy.sends:
        return Mode.SHADOW
    if state.paused is not None or state.journal_fault is not None:
        return Mode.CANCEL_ONLY
    if any(memory.severity >= Severity.STOP for memory in state.hedges.values()):
        return Mode.REDUCE_ONLY
    return Mode.HEDGING


def _is_reconciled(state: State, policy: Policy) -> bool:
    """Every account read often enough since our last deed, every instrument known, each earlier order accounted for."""
    if any(id not in state.instruments for hedge in policy.hedges for id in hedge.instruments):
        return False
    views = state.accounts.values()
    if not all(view.settled and view.clean_cycles >= policy.clean_cycles for view in views):
        return False
    return all(_accounted_for(state, client_order_id) for client_order_id in state.orders)


def _accounted_for(state: State, client_order_id: str) -> bool:
    """Final with its fills, of this start, or unknown and asked about so often that it stays reserved instead."""
    order = state.orders[client_order_id]
    identity = parse_order_id(client_order_id)
    if identity is None or identity.epoch >= state.epoch:
        return True
    if order.status is OrderStatus.UNKNOWN:
        return order.probes >= SETTLED_PROBES
    return not order.live and (not order.fills_missing or order.probes >= SETTLED_PROBES)
