"""Moving a position from one contract to another slice by slice, while the net delta stays in its band."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from hedger.engine.decision.choice import is_left, margin_over, outlook, would_be_left
from hedger.engine.decision.facts import Facts, facts_on
from hedger.engine.decision.failover import MARGIN_USED, cannot_trade
from hedger.engine.guards.limits import reducible
from hedger.engine.guards.margin import affordable
from hedger.engine.held.expiry import averages, has_expired, left_ms, successor
from hedger.engine.held.exposure import position_of
from hedger.engine.held.freshness import Denied, stale_input, venue_now
from hedger.engine.known.orders import Order
from hedger.engine.known.policy import ChoiceRule, Hedge
from hedger.engine.known.state import Reason, State
from hedger.engine.wanted.quoting import passive_price
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ONE, ZERO, ceil_to, floor_to
from hedger.model.order import Side
from hedger.model.spans import DAY_MS

LACKS_ROOM = frozenset({Reason.POSITION, Reason.FREE_MARGIN})


class Roll(NamedTuple):
    """A position on its way from the `near` contract to the `far` one, and why, in words."""

    near: InstrumentId
    far: InstrumentId
    why: str


class Slice(NamedTuple):
    """One order of a roll before the guards: the facts on its leg, its side and units, and what it does in words."""

    facts: Facts
    side: Side
    units: Decimal
    detail: str


def roll_of(state: State, hedge: Hedge, best: InstrumentId) -> Roll | None:
    """The roll that a hedge is in: what it holds in a contract that is being left, and where that goes. `best` is the
    instrument that it trades now.

    Once the settlement average has begun there is none: what is held goes by itself then, and the hedge follows.
    """
    if len(hedge.instruments) == 1 or hedge.cross is not None:
        return None
    for id in hedge.instruments:
        near = state.instruments.get(id)
        if (
            near is None
            or id in state.delisted
            or averages(near, venue_now(state, id.account))
            or not position_of(state, id)
        ):
            continue
        following = successor(state, hedge, near)
        if following is not None and is_left(state, hedge, id):
            return Roll(id, following.id, _why(state, hedge, id))
    return _move(state, hedge, best)


def _why(state: State, hedge: Hedge, id: InstrumentId) -> str:
    left = left_ms(state.instruments[id], venue_now(state, id.account))
    assert left is not None, "only what ends is left for its end"
    if left <= hedge.carry.roll_before_ms:
        return f"which expires in {left / DAY_MS:.1f} days"
    return "because the spread to the next contract is better than its own basis"


def _move(state: State, hedge: Hedge, best: InstrumentId) -> Roll | None:
    """The move to the instrument that earns most, where the owner wants what is held to follow."""
    if not hedge.carry.moves or hedge.carry.rule is not ChoiceRule.CARRY:
        return None
    held = [id for id in hedge.instruments if id in state.instruments and position_of(state, id)]
    near = next(
        (id for id in held if id != best and not averages(state.instruments[id], venue_now(state, id.account))), None
    )
    if near is None or _is_only_passed_over(state, hedge, near, best):
        return None
    return Roll(near, best, "because the other one earns more")


def _is_only_passed_over(state: State, hedge: Hedge, near: InstrumentId, best: InstrumentId) -> bool:
    """Whether the hedge trades another instrument only because the one that it holds can take no more now, and not for
    what it earns, or one that it would leave at once: what was moved would come back, and so on for ever."""
    sign = 1 if position_of(state, near) > 0 else -1
    if any(id not in state.marks or id not in state.instruments for id in (near, best)):
        return True
    if would_be_left(state, hedge, best, sign):
        return True
    if cannot_trade(state, hedge, near, sign) is None:
        return False
    return margin_over(hedge, outlook(state, hedge, near, sign), outlook(state, hedge, best, sign)) <= 0


def slices(state: State, hedge: Hedge, roll: Roll, facts: Facts) -> list[Slice] | Denied:
    """The orders that a roll may send now, the better one first, each of which leaves the delta in its band if it fills
    whole; or why there is none. The second one is for where the first lacks room.

    The far leg is opened first, so that protection is never given up before it is there again, unless the deviation
    would end beyond half the band: then the one that ends nearer to the target goes first. `facts` are of a hedge that
    is inside its band.
    """
    for id in (roll.near, roll.far):
        if id not in state.instruments or id in state.delisted:
            return Denied(Reason.INSTRUMENT_GONE, f"{id} is not listed, and the roll waits for it")
        stale = stale_input(state, hedge, id)
        if stale is not None:
            return stale
    near, far = facts_on(state, hedge, facts, roll.near), facts_on(state, hedge, facts, roll.far)
    position = position_of(state, roll.near)
    closing = Side.BUY if position < 0 else Side.SELL
    opening = Side.SELL if position < 0 else Side.BUY
    most = _most(hedge, near, far)
    close = _closing(hedge, near, closing, abs(position), most, _room(facts, closing))
    open_ = _opening(state, hedge, far, opening, abs(position) * near.per_unit, min(most, _room(facts, opening)))
    ends = [
        (abs(facts.deviation + side.sign * units * leg.per_unit), units, leg, side)
        for units, leg, side in ((open_, far, opening), (close, near, closing))
        if units > 0
    ]
    if not ends:
        return Denied(Reason.BELOW_MINIMUM, f"what is left in {roll.near} is less than the venue takes; it will settle")
    half = min(facts.edges.upper, facts.edges.lower) / 2
    ends.sort(key=lambda end: (end[2] is not far or end[0] > half, end[0]))
    first, *rest = ends
    kept = [first, *(end for end in rest if first[2] is far and end[0] <= half)]
    words = f"{abs(position)} from {roll.near} to {roll.far}, {roll.why}"
    return [Slice(leg, side, units, f"{units} of the roll of {words}") for _, units, leg, side in kept]


def _most(hedge: Hedge, near: Facts, far: Facts) -> Decimal:
    """The most coins in one slice: half a side of the band, and no more than the owner wants in one order; or the
    smallest order of either leg where that is more."""
    least = max(least_units(leg, hedge) * leg.per_unit for leg in (near, far))
    most = max(min(near.edges.upper, near.edges.lower) / 2, least)
    return most if hedge.execution.slice_quantity is None else min(most, max(hedge.execution.slice_quantity, least))


def _room(facts: Facts, side: Side) -> Decimal:
    """How many coins an order on `side` may move the delta by, whatever becomes of other orders, within the band."""
    if side is Side.BUY:
        return max(ZERO, facts.edges.upper - (facts.exposure.high - facts.target))
    return max(ZERO, facts.exposure.low - facts.target + facts.edges.lower)


def least_units(leg: Facts, hedge: Hedge) -> Decimal:
    """The smallest order that the venue takes on a leg, in units."""
    instrument = leg.instrument
    price = passive_price(Side.SELL, leg.quote, instrument, hedge.execution)
    least = max(instrument.min_quantity, instrument.min_notional / instrument.notional(ONE, price))
    return ceil_to(least, instrument.lot_size)


def _capped(hedge: Hedge, leg: Facts, side: Side, coins: Decimal) -> Decimal:
    instrument = leg.instrument
    price = passive_price(side, leg.quote, instrument, hedge.execution)
    if price <= 0 or not leg.per_unit:
        return ZERO
    caps = (
        coins / leg.per_unit,
        instrument.max_quantity,
        hedge.guards.order_notional / instrument.notional(ONE, price),
    )
    return floor_to(min(caps), instrument.lot_size)


def _closing(hedge: Hedge, leg: Facts, side: Side, held: Decimal, most: Decimal, room: Decimal) -> Decimal:
    """The units that come off the near leg. If it can be helped no rest stays there that is too small to trade."""
    least, units = least_units(leg, hedge), min(held, _capped(hedge, leg, side, min(most, room)))
    if ZERO < held - units < least:
        if held * leg.per_unit <= room and held <= leg.instrument.max_quantity:
            units = held
        elif held - least >= least:
            units = floor_to(held - least, leg.instrument.lot_size)
    return units if units >= least else ZERO


def _opening(state: State, hedge: Hedge, leg: Facts, side: Side, left: Decimal, coins: Decimal) -> Decimal:
    """The units that go onto the far leg: never more than is left on the near one. Of what the free margin there covers
    only a part that part; what it covers nothing of is the guard's to say."""
    units, least = _capped(hedge, leg, side, min(coins, left)), least_units(leg, hedge)
    if units < least:
        return ZERO
    id, price = leg.instrument.id, passive_price(side, leg.quote, leg.instrument, hedge.execution)
    covered = affordable(state, hedge, id, price) * MARGIN_USED + reducible(side, position_of(state, id))
    cut = floor_to(min(units, covered), leg.instrument.lot_size)
    return cut if cut >= least else units


# --- while an order of it rests, and when it is too late --------------------------------------------------------------


def no_longer(facts: Facts, order: Order) -> Denied | None:
    """Why an order of a roll should not rest any longer: the delta left its band, or would if it filled."""
    if not facts.inside:
        return Denied(Reason.OUTSIDE_BAND, "the delta left its band, and the hedge comes before the roll")
    low, high = facts.exposure.low - facts.target, facts.exposure.high - facts.target
    leaves = low < -facts.edges.lower if order.side is Side.SELL else high > facts.edges.upper
    return (
        Denied(Reason.WOULD_OVERSHOOT, "what is left of it would carry the delta out of its band") if leaves else None
    )


def overdue(state: State, hedge: Hedge) -> str | None:
    """What a hedge still holds of a contract whose settlement average has begun, in words: a person should know."""
    for id in hedge.instruments:
        instrument = state.instruments.get(id)
        if instrument is None or instrument.expiry_at is None or not averages(instrument, venue_now(state, id.account)):
            continue
        position = position_of(state, id)
        if position and id not in state.delisted:
            verb = "has expired with" if has_expired(state, id) else "settles with"
            return f"{id} {verb} {position} still held, and the delta goes with it"
    return None


def leaving_leg(state: State, hedge: Hedge, best: InstrumentId, side: Side) -> InstrumentId | None:
    """The leg that an order on `side` takes off first, because its contract is being left."""
    roll = roll_of(state, hedge, best)
    if roll is None or stale_input(state, hedge, roll.near) is not None:
        return None
    return roll.near if side.sign * position_of(state, roll.near) < 0 else None
