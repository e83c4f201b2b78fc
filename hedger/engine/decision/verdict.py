"""What one look at a hedge comes to: an order to place, one to cancel, or a reason for neither; and what guards see."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from hedger.engine.guards.limits import Proposal, first_denial
from hedger.engine.held.exposure import position_of
from hedger.engine.held.freshness import Denied
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import Action, HedgeState, Reason, State
from hedger.engine.wanted.quoting import touch_moved_away
from hedger.model.instrument import Instrument
from hedger.model.market import Mark, Quote
from hedger.model.order import Side


class Draft(NamedTuple):
    """An order that passed the guards, before it has an id."""

    instrument: Instrument
    side: Side
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    margin_reduction: bool
    roll: bool = False
    flatten: bool = False


class Verdict(NamedTuple):
    """What a hedge should do now: at most one of `draft` (place it) and `cancel` (cancel it) is set."""

    action: Action
    reason: Reason
    detail: str = ""
    draft: Draft | None = None
    cancel: Order | None = None


def give_way(working: Order | None, denied: Denied) -> Verdict:
    """Without leave to create, what rests is taken off the book."""
    if working is not None and working.status is OrderStatus.OPEN:
        return Verdict(Action.CANCEL, denied.reason, denied.detail, cancel=working)
    return Verdict(Action.DENY, denied.reason, denied.detail)


def off_the_grid(state: State, order: Order) -> Denied | None:
    """Whether an order was sent under rules of its instrument that hold no more."""
    rules = state.instruments[order.id]
    if not (order.price % rules.tick_size or order.quantity % rules.lot_size or state.accounts[order.id.account].owed):
        return None
    text = f"{order.quantity} at {order.price} was sent under other rules of {order.id}"
    return Denied(Reason.RULES_CHANGED, text)


def rests_no_longer(state: State, hedge: Hedge, memory: HedgeState, order: Order) -> Denied | None:
    """Why the guards, its deadline or the market take a resting order off; its prices have been seen."""
    instrument, quote, mark = state.instruments[order.id], state.quotes[order.id][0], state.marks[order.id][0]
    resting = proposal_of(state, hedge, memory, instrument, quote, mark, order.side, order.remaining, order.price)
    denied = first_denial(replace(resting, saves=order.margin_reduction), resting=True)
    if denied is not None:
        return denied
    if state.now - order.placed_at >= hedge.execution.deadline_ms:
        return Denied(Reason.PAST_DEADLINE, f"not filled within {hedge.execution.deadline_ms} ms")
    if touch_moved_away(order, quote, instrument, hedge.execution, state.now):
        return Denied(Reason.PRICE_MOVED, f"{order.price} is behind {quote.bid}/{quote.ask}")
    return None


def no_price(instrument: Instrument, quote: Quote) -> str:
    """That there is no passive price, in words."""
    return f"no passive price at {quote.bid}/{quote.ask} with ticks of {instrument.tick_size}"


def proposal_of(
    state: State,
    hedge: Hedge,
    memory: HedgeState,
    instrument: Instrument,
    quote: Quote,
    mark: Mark,
    side: Side,
    quantity: Decimal,
    price: Decimal,
) -> Proposal:
    """An order as the guards see it, with the position that it meets."""
    return Proposal(
        state=state,
        hedge=hedge,
        memory=memory,
        instrument=instrument,
        side=side,
        quantity=quantity,
        price=price,
        position=position_of(state, instrument.id),
        quote=quote,
        mark=mark,
    )
