"""The orders that bring a flattened hedge's positions to zero: reduce-only, post-only, one at a time, and never more.

An order is sized on a reading that was asked for after the flatten was, and is never more than `|position|` less what
orders of ours may still take off. The guards are those of any order that only reduces: freshness, the mark collar, the
switch, the breaker and the venue's wish for quiet hold; what stops risk, and the limits of a day, do not.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from hedger.engine.decision.saving import reduce_margin
from hedger.engine.decision.verdict import (
    Draft,
    Verdict,
    give_way,
    no_price,
    off_the_grid,
    proposal_of,
    rests_no_longer,
)
from hedger.engine.guards.limits import first_denial, reducible
from hedger.engine.guards.margin import endangered_position
from hedger.engine.held.expiry import averages, is_over
from hedger.engine.held.exposure import coins_for, position_of
from hedger.engine.held.freshness import Denied, stale_account, stale_input, venue_now
from hedger.engine.known.latch import Flatten
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import Action, HedgeState, Reason, Severity, State
from hedger.engine.wanted.quoting import passive_price
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.numeric import ONE, ZERO, ceil_to, floor_to
from hedger.model.order import Side
from hedger.model.spans import MINUTE_MS


class Leg(NamedTuple):
    """One instrument of a flattened hedge: the signed `position` in units (None: not known), the order that would take
    the most of it off now, or what is `against` one. With neither it is flat but for `dust`, which is signed, and less
    than the venue takes."""

    id: InstrumentId
    position: Decimal | None
    draft: Draft | None = None
    against: Denied | None = None
    dust: Decimal = ZERO


def unwind(state: State, hedge: Hedge, memory: HedgeState, flatten: Flatten, working: Order | None) -> Verdict:
    """What a flattened hedge does now. While it is `held` by a pause, and once it was proven flat, it does nothing."""
    if flatten.flat_at:
        flat = Denied(Reason.FLAT, f"since it was flattened ({flatten.reason})")
        return give_way(working, flat) if working is not None else Verdict(Action.HOLD, Reason.FLAT, flat.detail)
    if not flatten.works:
        return give_way(working, Denied(Reason.NOT_HEDGING, f"paused: {state.paused}"))
    if working is not None:
        return _tend(state, hedge, memory, working)
    return _begin(state, hedge, memory, flatten)


def legs_of(state: State, hedge: Hedge, memory: HedgeState) -> list[Leg]:
    """Every instrument of a hedge as a flatten sees it now: where margin is short the endangered position first, then
    the one that is worth most."""
    held = endangered_position(state, hedge) if memory.severity is Severity.REDUCE else None
    legs = [_leg(state, hedge, memory, id) for id in hedge.instruments]
    return sorted(legs, key=lambda leg: (held is None or leg.id != held.id, -_worth(state, leg)))


def _worth(state: State, leg: Leg) -> Decimal:
    rules, mark = state.instruments.get(leg.id), state.marks.get(leg.id)
    if rules is None or mark is None or leg.position is None:
        return ZERO
    return abs(rules.notional(leg.position, mark[0].mark_price))


# --- an order works -------------------------------------------------------------------------------------------------


def _tend(state: State, hedge: Hedge, memory: HedgeState, order: Order) -> Verdict:
    """Leave an order that takes a position off where it is; anything else goes, and its end is waited for."""
    if order.status is not OrderStatus.OPEN:
        return Verdict(Action.WAIT, Reason.ORDER_IN_FLIGHT)
    doubt = _doubt(state, hedge, memory, order)
    if doubt is not None:
        return Verdict(Action.CANCEL, doubt.reason, doubt.detail, cancel=order)
    return Verdict(Action.WAIT, Reason.ORDER_WORKING)


def _doubt(state: State, hedge: Hedge, memory: HedgeState, order: Order) -> Denied | None:
    """Why a resting order should not rest any longer while its hedge is flattened."""
    if not order.reduce_only or order.remaining > _left(state, order.id, order.side, beside=order):
        return Denied(Reason.FLATTEN, "the hedge is being flattened, and this order could do more than reduce")
    # What saves margin leaves while a contract settles too: to take it off would only be to send it again.
    settles = None if order.margin_reduction else _gone(state, order.id, state.instruments.get(order.id))
    stale = settles or off_the_grid(state, order) or stale_input(state, hedge, order.id, to_reduce=True)
    if stale is not None:
        return stale
    saved = _saved(state, hedge, memory) if memory.severity is Severity.REDUCE and not order.margin_reduction else None
    if saved is not None and saved.draft is not None and saved.draft.instrument.id.account != order.id.account:
        return Denied(Reason.MARGIN_REDUCTION, "margin comes first, and it is short elsewhere")
    return rests_no_longer(state, hedge, memory, order)


def _left(state: State, id: InstrumentId, side: Side, *, beside: Order | None = None) -> Decimal:
    """How much of a position, in units, an order on `side` may take off at most: all of it but for what others of our
    orders on that side may still take off, whatever is known of them. Not positive: nothing."""
    others = (o for o in state.orders.values() if o.id == id and o.side is side and o is not beside)
    return reducible(side, position_of(state, id)) - sum((o.remaining for o in others), ZERO)


# --- no order works -------------------------------------------------------------------------------------------------


def _begin(state: State, hedge: Hedge, memory: HedgeState, flatten: Flatten) -> Verdict:
    """The next order, or why there is none; flat only where each instrument is, and no order of ours may still fill."""
    legs = legs_of(state, hedge, memory)
    if any(leg.draft is not None or leg.against is not None for leg in legs):
        return _next(state, hedge, memory, flatten, legs)
    if any(order.live and order.hedge == hedge.name for order in state.orders.values()):
        return Verdict(Action.WAIT, Reason.UNRESOLVED_ORDERS, "an order whose fate is unknown may still fill")
    dust = ", ".join(f"{leg.dust} of {leg.id}" for leg in legs if leg.dust)
    return Verdict(Action.HOLD, Reason.FLAT, f"all but {dust}, less than the venue takes" if dust else "")


def _next(state: State, hedge: Hedge, memory: HedgeState, flatten: Flatten, legs: list[Leg]) -> Verdict:
    """The first leg that has an order. Where margin is short and none has, what saves margin may still leave."""
    rest = _rest(state, hedge, memory)
    if rest is None:
        for leg in legs:
            if leg.draft is not None:
                detail = f"{leg.draft.quantity} of {leg.position} of {leg.id} come off: {flatten.reason}"
                return Verdict(Action.PLACE, Reason.FLATTEN, detail, draft=leg.draft)
    saved = _saved(state, hedge, memory) if memory.severity is Severity.REDUCE else None
    if saved is not None:
        return saved
    if rest is not None:
        return rest
    against = next(leg.against for leg in legs if leg.against is not None)
    waits = against.reason in (Reason.AWAITING_READING, Reason.UNRESOLVED_ORDERS)
    return Verdict(Action.WAIT if waits else Action.DENY, *against)


def _rest(state: State, hedge: Hedge, memory: HedgeState) -> Verdict | None:
    """The pace of a flatten: the hedge's own rests, and no more orders in a minute than it may send."""
    if state.now < memory.rest_until:
        return Verdict(Action.WAIT, memory.rest_reason)
    sent = sum(at > state.now - MINUTE_MS for at in memory.sent_at)
    if sent < hedge.guards.orders_per_minute:
        return None
    text = f"{sent} orders in the last minute, the limit is {hedge.guards.orders_per_minute}"
    return Verdict(Action.DENY, Reason.ORDERS_PER_MINUTE, text)


def _saved(state: State, hedge: Hedge, memory: HedgeState) -> Verdict | None:
    """The step that saves margin, which an open breaker or a lost switch does not stop, and never more than is left."""
    verdict = reduce_margin(state, hedge, memory)
    draft = verdict.draft
    if draft is None:
        return None
    rules = draft.instrument
    units = floor_to(min(draft.quantity, _left(state, rules.id, draft.side)), rules.lot_size)
    if units < smallest(rules, draft.price):
        return None
    return verdict._replace(draft=draft._replace(quantity=units, flatten=True))


def _leg(state: State, hedge: Hedge, memory: HedgeState, id: InstrumentId) -> Leg:
    """What can be done about one instrument now. Only its own account and its own prices matter."""
    view = state.accounts[id.account]
    unknown = stale_account(state, hedge, (id.account,), id.account)
    position = None if view.reading is None else position_of(state, id)
    if position is None or unknown is not None:
        return Leg(id, position, against=unknown)
    rules = state.instruments.get(id)
    gone = _gone(state, id, rules) if position else None
    if gone is None and (not view.settled or view.doubted is not None):
        return Leg(id, position, against=Denied(Reason.AWAITING_READING, f"account {id.account}"))
    if not position:
        return Leg(id, position)
    against = gone or stale_input(state, hedge, id, to_reduce=True)
    if rules is None or against is not None:
        return Leg(id, position, against=against)
    return _sized(state, hedge, memory, rules, position)


def _gone(state: State, id: InstrumentId, rules: Instrument | None) -> Denied | None:
    """Why a position cannot be traded away at all."""
    if is_over(state, id) or (rules is not None and averages(rules, venue_now(state, id.account))):
        return Denied(Reason.EXPIRING, f"{id} settles by itself, and is not traded any more")
    if rules is None or id in state.delisted:
        return Denied(Reason.INSTRUMENT_GONE, f"the venue does not list {id} any more")
    return None


def _sized(state: State, hedge: Hedge, memory: HedgeState, rules: Instrument, position: Decimal) -> Leg:
    """The order that takes off as much as one order may, or what is against it. The prices are fresh."""
    id, quote, mark = rules.id, state.quotes[rules.id][0], state.marks[rules.id][0]
    side = Side.SELL if position > 0 else Side.BUY
    price = passive_price(side, quote, rules, hedge.execution)
    if price <= 0:
        return Leg(id, position, against=Denied(Reason.NO_QUOTE, no_price(rules, quote)))
    least, left = smallest(rules, price), _left(state, id, side)
    dust = abs(position) < least
    if not dust and left < least:
        text = f"our orders of unknown fate on {id} may take off {abs(position) - left} of {abs(position)}"
        return Leg(id, position, against=Denied(Reason.UNRESOLVED_ORDERS, text))
    units = abs(position) if dust else _in_one_order(state, hedge, rules, price, left=left, least=least)
    proposal = proposal_of(state, hedge, memory, rules, quote, mark, side, units, price)
    denied = first_denial(proposal)
    if denied is not None:  # a price that is not to be trusted does not say what is too little either
        return Leg(id, position, against=denied)
    if dust and proposal.notional > hedge.guards.order_notional:
        text = f"{position} of {id} is less than the venue takes, and too much to be called flat"
        return Leg(id, position, against=Denied(Reason.BELOW_MINIMUM, text))
    if dust:
        return Leg(id, position, dust=position)
    return Leg(id, position, Draft(rules, side, units, price, reduce_only=True, margin_reduction=False, flatten=True))


def _in_one_order(
    state: State, hedge: Hedge, rules: Instrument, price: Decimal, *, left: Decimal, least: Decimal
) -> Decimal:
    """How many units one order takes off: a slice where the owner wants slices, and none so large that what is left
    after it would be less than the venue takes, where that can be helped."""
    caps = [rules.max_quantity, hedge.guards.order_notional / rules.notional(ONE, price)]
    per_unit = abs(coins_for(state, hedge, rules, ONE))
    if hedge.execution.slice_quantity is not None and per_unit:
        caps.append(hedge.execution.slice_quantity / per_unit)
    whole = floor_to(left, rules.lot_size)
    units = floor_to(min(whole, max(min(caps), least)), rules.lot_size)
    if ZERO < whole - units < least:
        units = max(units - ceil_to(least - (whole - units), rules.lot_size), least)
    return units


def smallest(rules: Instrument, price: Decimal) -> Decimal:
    """The least that the venue takes in one order at a price, in units, on the lot grid."""
    worth = ceil_to(rules.min_notional / rules.notional(ONE, price), rules.lot_size)
    return max(ceil_to(rules.min_quantity, rules.lot_size), worth, rules.lot_size)
