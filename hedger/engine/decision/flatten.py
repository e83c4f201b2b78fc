"""Flatten: what a person asks for, what it would do (the plan that is agreed to), and when it is done.

A flattened hedge is paused: it creates nothing but reduce-only orders that bring its positions to zero, until a reading
proves that it is flat; from then on it creates nothing. Only an unpause lifts it, and then the hedge hedges again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from hedger.engine.decision.unwind import Leg, legs_of, smallest
from hedger.engine.held.exposure import coins_for, delta_of, exposure
from hedger.engine.held.freshness import Denied, venue_now
from hedger.engine.known.latch import Flatten, acknowledged, forbidden
from hedger.engine.known.policy import Hedge, Policy
from hedger.engine.known.state import Exposure, HedgeState, Mode, Reason, State
from hedger.model.instrument import InstrumentId
from hedger.model.message import OperatorAsked
from hedger.model.numeric import ONE, ZERO, ceil_to, floor_to, plain
from hedger.model.order import Side

TOLERANCE = Decimal("0.02")  # a position may have changed by this share of itself since the plan was shown
_UNKNOWN = "?"


# --- the plan -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LegPlan:
    """What a flatten does with one instrument. Quantities in units, money in `quote`: + is earned, − is paid.

    `position` is signed, None where it is not known. `quantity` is what is traded on `side` in about `orders` orders,
    `remainder` (signed) what stays because the venue takes no less or lists it no more; what settles by itself has
    neither. `notional` is what is traded, at the mark; `fees` those of a maker; `spread` what joining the best price
    earns against the mid. `obstacle` says why no order can leave now; the flatten waits for it to pass, or, where it
    does not pass, for a person.
    """

    id: InstrumentId
    position: Decimal | None
    side: Side | None = None
    quantity: Decimal = ZERO
    remainder: Decimal = ZERO
    orders: int = 0
    quote: str = ""
    notional: Decimal = ZERO
    fees: Decimal = ZERO
    spread: Decimal = ZERO
    obstacle: Denied | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgePlan:
    """What a flatten does with one hedge. Deltas in coins of `underlying`, None where an account was never read.

    `canceled` are our ids of its working orders, which go first. `delta` is its net delta now, `delta_after` what is
    left unhedged. Not touched: `holding` (spot, coin equity and what is held outside), the delta of its options, and
    `others`, signed positions in the coin on instruments that it does not trade.
    """

    hedge: str
    underlying: str
    legs: tuple[LegPlan, ...]
    canceled: tuple[str, ...] = ()
    delta: Decimal | None = None
    delta_after: Decimal | None = None
    holding: Decimal | None = None
    options: Decimal = ZERO
    others: tuple[tuple[InstrumentId, Decimal], ...] = ()

    @property
    def known(self) -> bool:
        """Whether every position is known: nobody can agree to less."""
        return all(leg.position is not None for leg in self.legs)

    @property
    def flat(self) -> bool:
        """Whether there is nothing to trade, and nothing to wait for."""
        return self.known and not any(leg.quantity or leg.obstacle for leg in self.legs) and not self.canceled

    @property
    def shown(self) -> str:
        """Its part of `Plan.shown`."""
        positions = (_UNKNOWN if leg.position is None else plain(leg.position) for leg in self.legs)
        return f"{self.hedge}|" + ",".join(f"{leg.id}={text}" for leg, text in zip(self.legs, positions, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a flatten of these hedges would do. `everything` is whether all were asked for: then the whole program is
    paused, hedges that a later configuration adds too. `obstacle` says why it cannot be asked for now."""

    hedges: tuple[HedgePlan, ...]
    everything: bool
    obstacle: str | None = None

    @property
    def shown(self) -> str:
        """The positions that a person saw, in one line: what is confirmed is bound to it (`changed_since`)."""
        return ";".join(hedge.shown for hedge in self.hedges)

    @property
    def phrase(self) -> str:
        """What a person types to agree."""
        return "flatten everything" if self.everything else f"flatten {' '.join(hedge.hedge for hedge in self.hedges)}"


def plan_of(state: State, policy: Policy, names: Collection[str] = ()) -> Plan:
    """What a flatten of the hedges named (of all, where none is) would do now, from what is believed now.

    Pure; the command line, the API and the console show it, `Plan.phrase` is what a person types, and the request
    carries `Plan.shown`. Names of no hedge are left out: see `unknown_hedges`.
    """
    wanted = [hedge for hedge in policy.hedges if not names or hedge.name in names]
    plans = tuple(_plan_of(state, hedge) for hedge in wanted)
    return Plan(hedges=plans, everything=not names, obstacle=_obstacle(state, plans))


def unknown_hedges(policy: Policy, names: Collection[str]) -> list[str]:
    """The names that no hedge has."""
    known = {hedge.name for hedge in policy.hedges}
    return [name for name in names if name not in known]


def changed_since(plan: Plan, shown: str) -> str:
    """Why what a person agreed to (`Plan.shown` then) is not what would be done now, in words; empty if it still is.

    A position may have changed by `TOLERANCE` of itself, and not its side.
    """
    then = dict(_shown(shown))
    for hedge in plan.hedges:
        for leg in hedge.legs:
            before = then.pop((hedge.hedge, str(leg.id)), None)
            if before is None or leg.position is None:
                return f"the position on {leg.id} was not in the plan, or is not known"
            if _moved(before, leg):
                return f"the position on {leg.id} was {before} in the plan, and is {plain(leg.position)} now"
    return f"the plan had {', '.join(id for _, id in then)} too" if then else ""


def _shown(text: str) -> Iterator[tuple[tuple[str, str], str]]:
    for part in text.split(";"):
        hedge, _, legs = part.partition("|")
        for leg in legs.split(",") if legs else ():
            id, _, position = leg.rpartition("=")
            yield (hedge, id), position


def _moved(before: str, leg: LegPlan) -> bool:
    """Whether a position is not the one that was shown, within the tolerance: another side and flat are far off."""
    try:
        then = Decimal(before)
    except ArithmeticError:
        return True
    now = leg.position or ZERO
    return not then.is_finite() or abs(now - then) > TOLERANCE * abs(then)


def _obstacle(state: State, plans: tuple[HedgePlan, ...]) -> str | None:
    """Why a flatten cannot be asked for. What passes by itself is no reason: it is latched, and waits."""
    if state.halted is not None:
        return f"it is halted ({state.halted}), and a halt outranks a flatten: nothing is sent until it is lifted"
    if state.mode is Mode.DRAINING:
        return "it is about to end"
    if not all(plan.known for plan in plans):
        return "not every account has been read, so nobody knows what is held"
    return None


def _plan_of(state: State, hedge: Hedge) -> HedgePlan:
    held, found = exposure(state, hedge), {leg.id: leg for leg in legs_of(state, hedge, state.hedges[hedge.name])}
    legs = tuple(_leg_plan(state, hedge, found[id]) for id in hedge.instruments)
    working = tuple(o.client_order_id for o in state.orders.values() if o.hedge == hedge.name and o.live)
    plan = HedgePlan(hedge=hedge.name, underlying=hedge.underlying, legs=legs, canceled=working)
    return plan if held is None else _with_deltas(state, hedge, plan, held)


def _with_deltas(state: State, hedge: Hedge, plan: HedgePlan, held: Exposure) -> HedgePlan:
    """The plan with what it does to the delta: the futures go, but for what cannot be traded."""
    others = tuple(_others(state, hedge))
    unhedged = held.unhedged + sum((coins for _, _, coins in others), ZERO)
    return replace(
        plan,
        delta=unhedged + sum((_coins(state, hedge, leg.id, leg.position or ZERO) for leg in plan.legs), ZERO),
        delta_after=unhedged + sum((_coins(state, hedge, leg.id, leg.remainder) for leg in plan.legs), ZERO),
        holding=held.holding,
        options=held.options.delta,
        others=tuple((id, quantity) for id, quantity, _ in others),
    )


def _others(state: State, hedge: Hedge) -> Iterator[tuple[InstrumentId, Decimal, Decimal]]:
    """Positions in the hedge's coin that it does not trade: id, units, coins."""
    for account in state.accounts_of_hedge[hedge.name]:
        reading = state.accounts[account].reading
        for position in () if reading is None else reading.positions:
            if position.underlying == hedge.underlying and position.id not in hedge.instruments and position.quantity:
                yield position.id, position.quantity, delta_of(position, venue_now(state, account))


def _coins(state: State, hedge: Hedge, id: InstrumentId, units: Decimal) -> Decimal:
    rules = state.instruments.get(id)
    return ZERO if rules is None or not units else coins_for(state, hedge, rules, units)


def _leg_plan(state: State, hedge: Hedge, leg: Leg) -> LegPlan:
    rules, quote, mark = state.instruments.get(leg.id), state.quotes.get(leg.id), state.marks.get(leg.id)
    if not leg.position or leg.dust:
        return LegPlan(id=leg.id, position=leg.position, remainder=leg.dust, obstacle=leg.against)
    if leg.against is not None and leg.against.reason is Reason.EXPIRING:  # it settles: nothing is traded or left
        return LegPlan(id=leg.id, position=leg.position, obstacle=leg.against)
    if rules is None or quote is None or mark is None or leg.id in state.delisted:
        return LegPlan(id=leg.id, position=leg.position, remainder=leg.position, obstacle=leg.against)
    side = Side.SELL if leg.position > 0 else Side.BUY
    price = quote[0].ask if side is Side.SELL else quote[0].bid
    quantity = floor_to(abs(leg.position), rules.lot_size)
    quantity = quantity if quantity >= smallest(rules, price) else ZERO
    notional = rules.notional(quantity, mark[0].mark_price)
    each = leg.draft.quantity if leg.draft is not None else min(quantity, rules.max_quantity)
    return LegPlan(
        id=leg.id,
        position=leg.position,
        side=side,
        quantity=quantity,
        remainder=leg.position + side.sign * quantity,
        orders=int(ceil_to(quantity / each, ONE)) if each else 0,
        quote=rules.quote,
        notional=notional,
        fees=-notional * rules.maker_fee,
        spread=rules.gain(-side.sign * quantity, quote[0].mid_price, price),
        obstacle=leg.against,
    )


# --- what a person asked for, and when it is done -------------------------------------------------------------------


def on_flatten(state: State, event: OperatorAsked) -> State:
    """The state after a flatten was asked for: those hedges are paused and unwound, by readings asked for from now on.

    Where all hedges were asked for, the program is paused as well, so that a hedge which is added later rests too.
    """
    names = [name for name in (event.names or state.hedges) if name in state.hedges]
    asked = {name: Flatten(reason=event.reason, asked_at=state.now) for name in names}
    accounts = {account for name in names for account in state.accounts_of_hedge[name]}
    views = {
        name: replace(view, barrier_at=max(view.barrier_at, state.now)) if name in accounts else view
        for name, view in state.accounts.items()
    }
    paused = state.paused if event.names else event.reason
    return state._replace(flattening={**state.flattening, **asked}, paused=paused, accounts=views)


def on_pause(state: State, reason: str) -> State:
    """The state after a pause was asked for: it stops a flatten that works too, until that is asked for again."""
    held = {name: replace(one, held=True) if one.works else one for name, one in state.flattening.items()}
    return state._replace(paused=reason, flattening=held)


def on_unpause(state: State) -> State:
    """The state after a pause and every flatten were lifted: the hedges hedge again.

    One that stood still on purpose may need a while to come back into its band, and that while begins now.
    """
    hedges = {
        name: memory
        if forbidden(state.paused, state.flattening.get(name), reduces=False) is None
        else _outside_anew(memory, state.now)
        for name, memory in state.hedges.items()
    }
    return state._replace(paused=None, flattening={}, hedges=hedges)


def _outside_anew(memory: HedgeState, now: int) -> HedgeState:
    """The memory with its spell outside the band counted so far and begun anew."""
    if memory.outside_since is None:
        return memory
    return replace(memory, outside_since=now, outside_ms=memory.outside_ms + now - memory.outside_since)


def on_acknowledged(state: State, event: OperatorAsked) -> State:
    """The state after a person said that they have seen an alarm."""
    seen = state.acknowledged
    for key in event.names:
        seen = acknowledged(seen, key, state.now)
    return state._replace(acknowledged=seen)


def proven_flat(state: State, name: str) -> State:
    """The state after a decision found a flattened hedge flat: its flatten is done, and the pause is left of it."""
    flatten = state.flattening.get(name)
    if flatten is None or not flatten.works:
        return state
    return state._replace(flattening={**state.flattening, name: replace(flatten, flat_at=state.now)})
