"""Why an instrument cannot take the hedge's next order, so that another one may stand in for it."""

from __future__ import annotations

from decimal import Decimal

from hedger.engine.decision.unwind import smallest
from hedger.engine.guards.gate import broken, no_lease, quiet, restricted
from hedger.engine.guards.margin import affordable, at_their_stop
from hedger.engine.held.exposure import position_of
from hedger.engine.held.freshness import is_unseen, stale_input
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import State
from hedger.engine.wanted.quoting import passive_price
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import floor_to
from hedger.model.order import Side
from hedger.model.spans import MINUTE_MS

MARGIN_USED = Decimal("0.98")  # of the free margin: the rest is for fees and for prices that move on the way
LONG_QUIET_MS = 10_000
STAYS_MS = 10 * MINUTE_MS


def cannot_trade(state: State, hedge: Hedge, id: InstrumentId, sign: int) -> str | None:
    """Why an order on one side (+1 buys, −1 sells) cannot leave on an instrument now, None where it can. What only
    makes its position smaller needs no margin, and leave to reduce is enough."""
    stale = stale_input(state, hedge, id)
    if stale is not None:
        return f"{id} has no fresh inputs"
    against = broken(state, id) or no_lease(state, id.account, state.now) or _long_quiet(state, id.account)
    if against is not None or sign * position_of(state, id) < 0:
        return against
    if id.account in at_their_stop(hedge, state.hedges[hedge.name]):
        return f"account {id.account}: margin is short"
    lacks = f"account {id.account}: free margin is not enough for more of {id.symbol}"
    return restricted(state, id) or (None if has_margin(state, hedge, id, sign) else lacks)


def has_margin(state: State, hedge: Hedge, id: InstrumentId, sign: int) -> bool:
    """Whether the free margin lets the smallest order that the venue takes be added on a side, sized as an order is: an
    account with less would be denied every one, and none would go elsewhere. `id` has a quote and a mark."""
    rules, side = state.instruments[id], Side.BUY if sign > 0 else Side.SELL
    price = passive_price(side, state.quotes[id][0], rules, hedge.execution)
    price = price if price > 0 else state.marks[id][0].mark_price
    return floor_to(affordable(state, hedge, id, price) * MARGIN_USED, rules.lot_size) >= smallest(rules, price)


def _long_quiet(state: State, account: str) -> str | None:
    """A ban, or a wish for quiet that is worth going elsewhere for."""
    view = state.accounts[account]
    lasts = view.banned or view.quiet_until_at - state.now > LONG_QUIET_MS
    return quiet(state, account, state.now) if lasts else None


def last_traded(state: State, hedge: Hedge) -> InstrumentId | None:
    """The instrument of the hedge's newest order of the last ten minutes: it goes on while it can, so that a venue that
    comes and goes takes no order to and fro."""
    prices = state.hedges[hedge.name].prices
    last = prices[-1] if prices else None
    return last.id if last is not None and 0 <= state.now - last.minute * MINUTE_MS < STAYS_MS else None


def out_of_reach(order: Order, *, unseen: bool) -> bool:
    """Whether an order cannot be waited for: its fate is not known, or its cancel is on the way to an account that is
    not seen. It is reserved, and nothing can be done with it now."""
    return order.status is OrderStatus.UNKNOWN or (unseen and order.status is OrderStatus.PENDING_CANCEL)


def may_be_gone(state: State, hedge: Hedge) -> str | None:
    """Why nothing is done about a deviation that would not be there if an unseen account had lost its positions."""
    unseen = (name for name in state.accounts_of_hedge[hedge.name] if is_unseen(state, hedge, name))
    name = next(unseen, None)
    return None if name is None else f"account {name} is out of sight: by its positions or orders this may be wrong"
