"""The state that a start begins with: what the journal remembers, with every order that may still live unknown."""

from __future__ import annotations

from dataclasses import replace

from hedger.engine.known.breaker import Breaker
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import HedgeState, State, initial_state
from hedger.engine.news.belief import LAG_MS
from hedger.errors import ConfigError
from hedger.model.expiry_day import day_has_come
from hedger.model.instrument import Instrument, InstrumentId
from hedger.runtime.memory import Recovered

SENT_WITHIN_MS = 1_000  # an order leaves so soon after its row, or not at all


def recovered_state(policy: Policy, recovered: Recovered, now: int) -> State:
    """The first state of an epoch. Hedges that are no longer configured keep their rows and are not carried.

    Raises ConfigError for an order that may still live on an instrument that nothing hedges with any more.
    """
    state = initial_state(policy, now=now, epoch=recovered.epoch)
    carried = (_carried(state, order) for order in recovered.orders)
    orders = {o.client_order_id: _doubted(o, now) for o in carried if o is not None}
    ended = _ended(state, recovered, now)
    lagging_until = max(min(recovered.filled_at, now) + LAG_MS, _last_may_arrive(policy, recovered, now))
    return state._replace(
        first_epoch=recovered.first_epoch,
        next_sequence=recovered.next_sequence,
        next_decision=recovered.next_decision,
        halted=recovered.halted,
        paused=recovered.paused,
        flattening={name: latched for name, latched in recovered.flattening.items() if name in state.hedges},
        acknowledged=recovered.acknowledged,
        orders=orders,
        instruments=ended,
        delisted=frozenset(ended),
        accounts={
            name: replace(view, barrier_at=lagging_until, breaker=Breaker(trips=recovered.trips.get(name, ())))
            for name, view in state.accounts.items()
        },
        ledgers={name: recovered.ledgers.get(name, ledger) for name, ledger in state.ledgers.items()},
        hedges={name: _awake(recovered.memories.get(name, memory), now) for name, memory in state.hedges.items()},
        funding_seen=recovered.funding_seen,
        books={name: book for name, book in recovered.books.items() if name in state.accounts},
    )


def _ended(state: State, recovered: Recovered, now: int) -> dict[InstrumentId, Instrument]:
    """The rules of configured contracts that have ended: an order there may be in doubt, and the books may still hold
    what has settled. The rules of one that is listed all the same are taken over when they are read."""
    ours = (rules for rules in recovered.dated if rules.id in state.hedges_of_instrument)
    return {rules.id: rules for rules in ours if day_has_come(rules.id.symbol, now)}


def _last_may_arrive(policy: Policy, recovered: Recovered, now: int) -> int:
    """Until when a request of the start before may still reach a venue; 0 after a clean stop, which left none.

    An account is not believed by a reading from before that. The remainder of a venue's dead man's switch is not
    waited for: what it would cancel is unknown to us already, and we extend it before our first order.
    """
    if recovered.clean:
        return 0
    ttls = [hedge.execution.ttl_ms for hedge in policy.hedges] + [order.ttl_ms for order in recovered.orders]
    return min(recovered.last_at, now) + SENT_WITHIN_MS + max(ttls)


def _carried(state: State, order: Order) -> Order | None:
    """The order in the care of the hedge that trades its instrument now, which is most often the one that sent it."""
    names = state.hedges_of_instrument.get(order.id, ())
    if names:
        return order if order.hedge in names else replace(order, hedge=names[0])
    if order.live:
        raise ConfigError(
            f"order {order.client_order_id} may still be on the book of {order.id}, which no hedge trades any more; "
            "start once with the configuration that had it and stop in order, then take the instrument out"
        )
    return None


def _awake(memory: HedgeState, now: int) -> HedgeState:
    """The counters carry on; what was being watched when we left is not. A rest ends with the start that it was in:
    the clock may have been set back since."""
    sent_at = tuple(at for at in memory.sent_at if at <= now)
    return replace(memory, outside_since=None, effect_due=None, rest_until=0, sent_at=sent_at)


def _doubted(order: Order, now: int) -> Order:
    """What an order became while we were away is not known: the venue is asked at once."""
    order = replace(order, probes=0, probed_at=1, absent_at=0, placed_at=min(order.placed_at, now))
    return replace(order, status=OrderStatus.UNKNOWN, changed_at=now) if order.live else order
