"""The decision of one hedge, read top to bottom: facts, band, the order that works, the order that is due, guards."""

from __future__ import annotations

from decimal import Decimal

from hedger.engine.decision.facts import Facts, facts_on
from hedger.engine.decision.failover import MARGIN_USED, cannot_trade, may_be_gone, out_of_reach
from hedger.engine.decision.portion import portion
from hedger.engine.decision.roll import LACKS_ROOM, leaving_leg, no_longer, overdue, roll_of, slices
from hedger.engine.decision.saving import makes_way, reduce_margin
from hedger.engine.decision.unwind import smallest, unwind
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
from hedger.engine.guards.margin import affordable, at_their_stop
from hedger.engine.held.expiry import averages
from hedger.engine.held.exposure import coins_for, position_of, room_for
from hedger.engine.held.freshness import Denied, is_unseen, stale_input, venue_now
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import ChoiceRule, Hedge, TargetKind
from hedger.engine.known.state import Action, HedgeState, Mode, Reason, Severity, State
from hedger.engine.wanted.band import rebalance
from hedger.engine.wanted.quoting import passive_price
from hedger.engine.wanted.target import target_ended
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ONE, ZERO, ceil_to, floor_to
from hedger.model.order import Side

MOVING = frozenset({TargetKind.QUOTE, TargetKind.PROFILE, TargetKind.SYNTHETIC})  # targets that follow the price
CREATING = frozenset({Mode.HEDGING, Mode.REDUCE_ONLY, Mode.SHADOW})


def decide(state: State, hedge: Hedge, memory: HedgeState, facts: Facts | None) -> Verdict:
    """What the hedge does now. Pure: nothing is remembered but what the caller keeps of the verdict."""
    working, flatten = _at_work(state, hedge), state.flattening.get(hedge.name)
    if flatten is not None and (flatten.flat_at or state.mode in CREATING):
        return unwind(state, hedge, memory, flatten, working)
    if facts is None:
        return give_way(working, Denied(Reason.NO_QUOTE, "prices or account not seen yet"))
    if state.mode not in CREATING:
        return give_way(working, Denied(Reason.NOT_HEDGING, _mode_words(state)))
    if state.paused is not None and state.mode is not Mode.SHADOW:  # others are flattened, and this one rests
        return give_way(working, Denied(Reason.NOT_HEDGING, f"paused: {state.paused}"))
    if memory.severity is Severity.REDUCE and working is None:
        reduced = reduce_margin(state, hedge, memory)
        if reduced.draft is not None or not hedge.failover.allowed:
            return reduced
        elsewhere = _ordinary(state, hedge, memory, facts, None)
        return reduced if elsewhere.draft is None else elsewhere
    return _ordinary(state, hedge, memory, facts, working)


def _ordinary(state: State, hedge: Hedge, memory: HedgeState, facts: Facts, working: Order | None) -> Verdict:
    """What the hedge does where no position must be reduced first."""
    if facts.exposure.options.flaw is not None and not (working is not None and working.margin_reduction):
        return give_way(working, Denied(Reason.OPTION_INPUT, facts.exposure.options.flaw))
    if facts.flaw is not None and not (working is not None and working.margin_reduction):
        return give_way(working, Denied(Reason.BAND_INPUT, facts.flaw))
    ended = target_ended(hedge.target, state.now)
    if ended is not None and not (working is not None and working.margin_reduction):
        return give_way(working, Denied(Reason.TARGET_ENDED, ended))
    if working is None and facts.instrument.id in state.delisted:
        return Verdict(Action.DENY, Reason.INSTRUMENT_GONE, f"the venue does not list {facts.instrument.id} any more")
    saves = working is not None and working.margin_reduction
    stale = stale_input(state, hedge, (working.id if working else facts.instrument.id), to_reduce=saves)
    if stale is not None:
        return give_way(working, stale)
    if working is not None:
        return _tend(state, hedge, memory, facts, working)
    return _begin(state, hedge, memory, facts)


def _mode_words(state: State) -> str:
    why = f": {state.mode_reason}" if state.mode_reason else ""
    return f"mode {state.mode.value}{why}"


def _at_work(state: State, hedge: Hedge) -> Order | None:
    """The hedge's order that is not final, an open one first. One out of reach is reserved, but nothing can be done
    with it here."""
    ours = [o for o in state.orders.values() if o.hedge == hedge.name and o.live]
    known = [o for o in ours if not out_of_reach(o, unseen=is_unseen(state, hedge, o.id.account))]
    return next((o for o in known if o.status is OrderStatus.OPEN), known[0] if known else None)


# --- an order works -------------------------------------------------------------------------------------------------


def _tend(state: State, hedge: Hedge, memory: HedgeState, facts: Facts, order: Order) -> Verdict:
    """Leave the working order alone, or cancel it for a reason; a replacement is sized only after its end."""
    if order.status is not OrderStatus.OPEN:
        return Verdict(Action.WAIT, Reason.ORDER_IN_FLIGHT)
    doubt = _doubt(state, hedge, memory, facts, order)
    if doubt is not None:
        return Verdict(Action.CANCEL, doubt.reason, doubt.detail, cancel=order)
    return Verdict(Action.WAIT, Reason.ORDER_WORKING)


def _doubt(state: State, hedge: Hedge, memory: HedgeState, facts: Facts, order: Order) -> Denied | None:
    """Why a resting order should not rest any longer."""
    instrument = state.instruments[order.id]
    changed = off_the_grid(state, order)
    if changed is not None:
        return changed
    if order.margin_reduction:
        if memory.severity < Severity.REDUCE:
            return Denied(Reason.INSIDE_BAND, "the margin has recovered")
        return rests_no_longer(state, hedge, memory, order)
    if order.roll:
        against = no_longer(facts, order)
        if against is not None:
            return against
    elif _overshoots(facts, order, _slack(hedge, facts, coins_for(state, hedge, instrument, instrument.lot_size))):
        return Denied(Reason.WOULD_OVERSHOOT, "what is left of it would carry the delta past the target")
    if memory.severity is Severity.REDUCE and _stands_against_reduction(state, hedge, memory, order):
        return Denied(Reason.MARGIN_REDUCTION, "margin comes before the hedge")
    return rests_no_longer(state, hedge, memory, order)


def _slack(hedge: Hedge, facts: Facts, lot: Decimal) -> Decimal:
    """How far past the target what is pending may end: one lot, and a tenth of the band's narrower side where the
    deviation moves with prices alone, or each tick would take an order off the book."""
    moves = hedge.cross is not None or facts.exposure.options.gamma or hedge.target.kind in MOVING
    return max(lot, min(facts.edges.upper, facts.edges.lower) / 10) if moves else lot


def _overshoots(facts: Facts, order: Order, slack: Decimal) -> bool:
    """Whether filling everything that is pending would end beyond the target by more than `slack` coins."""
    if order.side is Side.SELL:
        return facts.exposure.low - facts.target < -slack
    return facts.exposure.high - facts.target > slack


def _stands_against_reduction(state: State, hedge: Hedge, memory: HedgeState, order: Order) -> bool:
    """Whether an order has to go because margin is short: it adds where it is, or a reduction elsewhere is due."""
    adds = order.remaining > reducible(order.side, position_of(state, order.id))
    if adds and (not hedge.failover.allowed or order.id.account in at_their_stop(hedge, memory)):
        return True
    return makes_way(state, hedge, memory, order)


# --- no order works -------------------------------------------------------------------------------------------------


def _begin(state: State, hedge: Hedge, memory: HedgeState, facts: Facts) -> Verdict:
    if facts.inside:
        return _roll(state, hedge, memory, facts)
    low, high = facts.exposure.low - facts.target, facts.exposure.high - facts.target
    coins = rebalance(facts.edges, low, high)
    if not coins:
        gone = may_be_gone(state, hedge)
        if gone is not None:
            return Verdict(Action.DENY, Reason.ACCOUNT_AGE, gone)
        return Verdict(Action.WAIT, Reason.UNRESOLVED_ORDERS, "an order whose fate is unknown may have done it")
    waiting = _must_wait(state, hedge, memory)
    if waiting is not None:
        return waiting
    side = Side.BUY if coins > 0 else Side.SELL
    opposite = _opposite_leg(state, hedge, facts, side)
    facts = opposite or facts
    if averages(facts.instrument, venue_now(state, facts.instrument.id.account)):
        return Verdict(Action.DENY, Reason.EXPIRING, f"{facts.instrument.id} settles, and there is no other to trade")
    if passive_price(side, facts.quote, facts.instrument, hedge.execution) <= 0:
        return Verdict(Action.DENY, Reason.NO_QUOTE, no_price(facts.instrument, facts.quote))
    units = _sized(hedge, facts, side, abs(coins), to_target=min(abs(low), abs(high)))
    if opposite is not None:
        units = min(units, reducible(side, position_of(state, facts.instrument.id)))
    else:
        units = min(units, portion(state, hedge, facts, side))
    units = _within_room(state, hedge, facts, side, units)
    return _propose(state, hedge, memory, facts, side, units)


def _opposite_leg(state: State, hedge: Hedge, facts: Facts, side: Side) -> Facts | None:
    """The facts on another instrument of the hedge that holds a position this order can take off: legs are closed
    before others are opened, so that two instruments never stand against each other. What is being left goes first,
    and by the rule of carry what earns less."""
    if hedge.cross is not None:  # legs on different coins do not stand against each other
        return None
    best = facts.instrument.id
    leaving = leaving_leg(state, hedge, best, side)
    if leaving is not None and hedge.failover.allowed and cannot_trade(state, hedge, leaving, int(side.sign)):
        leaving = None  # the others need not wait for it
    if leaving is not None and _takes_off(state, hedge, leaving, side):
        return facts_on(state, hedge, facts, leaving)
    if hedge.carry.rule is ChoiceRule.PREFERENCE and reducible(side, position_of(state, best)):
        return None
    for id in hedge.instruments:
        known = id in state.instruments and id not in state.delisted and stale_input(state, hedge, id) is None
        if id == best or not known or averages(state.instruments[id], venue_now(state, id.account)):
            continue
        if hedge.failover.allowed and cannot_trade(state, hedge, id, int(side.sign)) is not None:
            continue
        if _takes_off(state, hedge, id, side):
            return facts_on(state, hedge, facts, id)
    return None


def _takes_off(state: State, hedge: Hedge, id: InstrumentId, side: Side) -> bool:
    """Whether an order on a side takes off what is held of an instrument with prices. A rest that is less than the
    venue takes is left where it is: nothing else may wait for it."""
    held, rules = reducible(side, position_of(state, id)), state.instruments[id]
    price = passive_price(side, state.quotes[id][0], rules, hedge.execution)
    return held > 0 and (price <= 0 or held >= smallest(rules, price))


def _roll(state: State, hedge: Hedge, memory: HedgeState, facts: Facts) -> Verdict:
    """Inside the band nothing is due but to move what is held of a contract that is being left."""
    if len(hedge.instruments) == 1 and facts.instrument.expiry_at is None:
        return Verdict(Action.HOLD, Reason.INSIDE_BAND)
    roll = roll_of(state, hedge, facts.instrument.id)
    if roll is None:
        late = overdue(state, hedge)
        return Verdict(Action.HOLD, Reason.INSIDE_BAND if late is None else Reason.EXPIRING, late or "")
    waiting = _must_wait(state, hedge, memory)
    if waiting is not None:
        return waiting
    found = slices(state, hedge, roll, facts)
    if isinstance(found, Denied):
        rest = found.reason is Reason.BELOW_MINIMUM
        return Verdict(Action.HOLD if rest else Action.DENY, Reason.INSIDE_BAND if rest else found.reason, found.detail)
    verdict = Verdict(Action.HOLD, Reason.INSIDE_BAND)
    for leg, side, units, detail in found:
        verdict = _propose(state, hedge, memory, leg, side, units)
        if verdict.draft is not None:
            return verdict._replace(reason=Reason.ROLL, detail=detail, draft=verdict.draft._replace(roll=True))
        if verdict.reason not in LACKS_ROOM:
            break
    return verdict


def _must_wait(state: State, hedge: Hedge, memory: HedgeState) -> Verdict | None:
    if state.now < memory.rest_until:
        return Verdict(Action.WAIT, memory.rest_reason)
    for account in state.accounts_of_hedge[hedge.name]:
        view = state.accounts[account]
        if (not view.settled or view.doubted is not None) and not is_unseen(state, hedge, account):
            return Verdict(Action.WAIT, Reason.AWAITING_READING, f"account {account}")
    return None


def _sized(hedge: Hedge, facts: Facts, side: Side, coins: Decimal, *, to_target: Decimal) -> Decimal:
    """Coins to units on the lot grid: within the slice and the notional cap, never past the target.

    A slice that prices have made less than the venue takes is the smallest order: it bounds what is sent, and must not
    end the hedging in a fall. To the target it is rounded down. To a reset short of it it is rounded up, to the
    smallest order where that is more: one lot inside the band is inside and one lot outside is not. `to_target` coins
    are all that may be traded.
    """
    instrument = facts.instrument
    if not facts.per_unit:  # its settlement average has fixed all of it: it moves with nothing any more
        return ZERO
    lot, price = instrument.lot_size, passive_price(side, facts.quote, instrument, hedge.execution)
    unit_price = instrument.notional(ONE, price)
    most = floor_to(to_target / facts.per_unit, lot)
    units = coins / facts.per_unit
    if facts.edges.reset_upper if side is Side.SELL else facts.edges.reset_lower:
        units = min(most, ceil_to(max(units, instrument.min_quantity, instrument.min_notional / unit_price), lot))
    caps = [most, units, instrument.max_quantity, hedge.guards.order_notional / unit_price]
    if hedge.execution.slice_quantity is not None:
        caps.append(max(hedge.execution.slice_quantity / facts.per_unit, smallest(instrument, price)))
    return floor_to(min(caps), lot)


def _within_room(state: State, hedge: Hedge, facts: Facts, side: Side, units: Decimal) -> Decimal:
    """As much of the order as the position limit and the free margin have room for; all of it where that is less than
    the venue takes, so that the guard says why there is none."""
    instrument = facts.instrument
    price = passive_price(side, facts.quote, instrument, hedge.execution)
    less = reducible(side, position_of(state, instrument.id))
    affords = less + affordable(state, hedge, instrument.id, price) * MARGIN_USED
    room = max(min(room_for(state, hedge, instrument, side), affords), less)
    capped = floor_to(min(units, room), instrument.lot_size)
    takes = capped > 0 and capped >= instrument.min_quantity
    return capped if takes and instrument.notional(capped, price) >= instrument.min_notional else units


def _propose(state: State, hedge: Hedge, memory: HedgeState, facts: Facts, side: Side, units: Decimal) -> Verdict:
    """The order for `units`, or what of it only reduces where a guard denies the rest, or the denial."""
    instrument = facts.instrument
    price = passive_price(side, facts.quote, instrument, hedge.execution)
    proposal = proposal_of(state, hedge, memory, instrument, facts.quote, facts.mark, side, units, price)
    denied = first_denial(proposal)
    if denied is not None and proposal.adds_risk:
        units = min(units, floor_to(reducible(side, proposal.position), instrument.lot_size))
        proposal = proposal_of(state, hedge, memory, instrument, facts.quote, facts.mark, side, units, price)
        denied = first_denial(proposal) if units > 0 else denied
    if denied is not None:
        return Verdict(Action.DENY, denied.reason, denied.detail)
    if units < instrument.min_quantity or instrument.notional(units, price) < instrument.min_notional or units <= 0:
        return Verdict(Action.DENY, Reason.BELOW_MINIMUM, f"{units} at {price} is less than the venue takes")
    draft = Draft(instrument, side, units, price, reduce_only=not proposal.adds_risk, margin_reduction=False)
    return Verdict(Action.PLACE, Reason.OUTSIDE_BAND, draft=draft)
