"""The state that a start begins with: what the journal remembers, with every order that may still live unknown."""

from __future__ import annotations

from dataclasses import replace

from hedger.engine.orders import Order, OrderStatus
from hedger.engine.policy import Policy
from hedger.engine.state import HedgeState, State, initial_state
from hedger.runtime.journal import Recovered


def recovered_state(policy: Policy, recovered: Recovered, now: int) -> State:
    """The first state of an epoch. Hedges that are no longer configured keep their rows and are not carried."""
    state = initial_state(policy, now=now, epoch=recovered.epoch)
    orders = {o.client_order_id: _doubted(o, now) for o in recovered.orders if o.hedge in state.hedges}
    return state._replace(
        next_decision=recovered.next_decision,
        halted=recovered.halted,
        orders=orders,
        ledgers={name: recovered.ledgers.get(name, ledger) for name, ledger in state.ledgers.items()},
        hedges={name: _awake(recovered.memories.get(name, memory)) for name, memory in state.hedges.items()},
        funding_seen=recovered.funding_seen,
    )


def _awake(memory: HedgeState) -> HedgeState:
    """The counters carry on; what was being watched when we left is not."""
    return replace(memory, outside_since=None, effect_due=None)


def _doubted(order: Order, now: int) -> Order:
    """What an order became while we were away is not known: the venue is asked at once."""
    order = replace(order, probes=0, probed_at=1, absent_at=0)
    return replace(order, status=OrderStatus.UNKNOWN, changed_at=now) if order.live else order
