"""The step that is taken off when margin is short: protection is given up so as not to be liquidated."""

from __future__ import annotations

from dataclasses import replace

from hedger.engine.decision.verdict import Draft, Verdict, no_price, proposal_of
from hedger.engine.guards.gate import no_lease
from hedger.engine.guards.limits import first_denial
from hedger.engine.guards.margin import endangered_position
from hedger.engine.held.exposure import position_of
from hedger.engine.held.freshness import stale_input
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import Action, HedgeState, Reason, State
from hedger.engine.wanted.quoting import passive_price
from hedger.model.numeric import ONE, ceil_to, floor_to
from hedger.model.order import Side

REDUCE_EVERY_MS = 5_000
SLOWEST_REDUCE_MS = 30_000


def reduce_margin(state: State, hedge: Hedge, memory: HedgeState) -> Verdict:
    """Take a step of the endangered position off: protection is given up, step by step, to stay unliquidated.

    It needs that position's prices and account and nothing else, and waits for no rest but its own pace.
    """
    held = endangered_position(state, hedge)
    if held is None:
        return Verdict(Action.DENY, Reason.MARGIN_RATIO, "margin is short but there is no position to reduce")
    stale = stale_input(state, hedge, held.id, to_reduce=True)
    if stale is not None:
        return Verdict(Action.DENY, stale.reason, stale.detail)
    if not state.accounts[held.id.account].settled:
        return Verdict(Action.WAIT, Reason.AWAITING_READING, f"account {held.id.account}")
    if memory.sent_at and state.now - memory.sent_at[-1] < reduction_pace(state, hedge, memory):
        failed = memory.refused_reductions
        return Verdict(Action.WAIT, Reason.RESTING_AFTER_ATTEMPTS if failed else Reason.RESTING_AFTER_FILL)
    position = position_of(state, held.id)
    instrument, quote, mark = state.instruments[held.id], state.quotes[held.id][0], state.marks[held.id][0]
    step = max(ceil_to(abs(position) * hedge.reduce_step, instrument.lot_size), instrument.min_quantity)
    side = Side.SELL if position > 0 else Side.BUY
    price = passive_price(side, quote, instrument, hedge.execution)
    if price <= 0:
        return Verdict(Action.DENY, Reason.NO_QUOTE, no_price(instrument, quote))
    least = ceil_to(instrument.min_notional / instrument.notional(ONE, price), instrument.lot_size)
    units = floor_to(min(abs(position), max(step, least), instrument.max_quantity), instrument.lot_size)
    if units <= 0:
        return Verdict(Action.DENY, Reason.BELOW_MINIMUM, f"{position} of {held.id} cannot be reduced by a whole lot")
    proposal = proposal_of(state, hedge, memory, instrument, quote, mark, side, units, price)
    denied = first_denial(replace(proposal, saves=True))
    if denied is not None:
        return Verdict(Action.DENY, denied.reason, denied.detail)
    draft = Draft(instrument, side, units, price, reduce_only=True, margin_reduction=True)
    detail = f"{units} of {abs(position)} come off to save margin: that much protection is given up"
    if no_lease(state, held.id.account, state.now) is not None:
        detail += "; it leaves without the dead man's switch"
    return Verdict(Action.PLACE, Reason.MARGIN_REDUCTION, detail, draft=draft)


def makes_way(state: State, hedge: Hedge, memory: HedgeState, order: Order) -> bool:
    """Whether an order, which may only reduce, stands before a step that could leave now on another account: of one at
    a time the one that saves margin comes first, or it would wait for as long as the other may rest."""
    draft = reduce_margin(state, hedge, memory).draft
    return draft is not None and draft.instrument.id.account != order.id.account


def reduction_pace(state: State, hedge: Hedge, memory: HedgeState) -> int:
    """How long after the last order the next reduction may leave: longer after its own refusals and lost answers."""
    reductions = (o for o in state.orders.values() if o.margin_reduction and o.hedge == hedge.name)
    failed = memory.refused_reductions + sum(o.status is OrderStatus.UNKNOWN for o in reductions)
    return int(min(REDUCE_EVERY_MS * 2 ** min(failed, 10), SLOWEST_REDUCE_MS))
