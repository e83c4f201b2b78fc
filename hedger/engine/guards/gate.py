"""Whether creates may leave on an account, and what opens and shuts that gate: its switch, its breakers, a wish for
quiet, a loop that lags, a gap in time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hedger.engine.guards.anew import reconcile_anew
from hedger.engine.held.exposure import still_worth
from hedger.engine.held.rules import suspected
from hedger.engine.known.breaker import HARMLESS, OF_INSTRUMENT, Breaker, BreakerStatus
from hedger.engine.known.latch import forbidden
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import BreakerLimits, Policy
from hedger.engine.known.state import AccountView, Mode, State
from hedger.model.instrument import InstrumentId
from hedger.model.message import (
    ClockMeasured,
    Command,
    ExtendSwitch,
    OrderRejected,
    PlaceOrder,
    SwitchExtended,
    VenueQuieted,
)
from hedger.model.numeric import ZERO
from hedger.model.order import RejectReason

LAG_REST_MS = 10_000
CLOCK_STEP_MS = 2_000
TOGETHER_MS = 60_000
WEARY_MS = 3_600_000
_SHUT = frozenset({BreakerStatus.OPEN, BreakerStatus.RESTRICTED})
EXTENDING = frozenset({Mode.RECONCILING, Mode.HEDGING, Mode.REDUCE_ONLY, Mode.CANCEL_ONLY})
_UNARMED = "the dead man's switch is not armed yet"
_LAPSED = "the dead man's switch was not extended in time"


# --- what stands against a create -------------------------------------------------------------------------------------


def no_lease(state: State, account: str, now: int) -> str | None:
    """Why the account's dead man's switch lets nothing be created; None with a lease, or where there is no switch."""
    switch = state.accounts[account].switch
    if switch is None or now < switch.lease_until:
        return None
    return f"account {account}: {_LAPSED if switch.armed else _UNARMED}"


def broken(state: State, id: InstrumentId, client_order_id: str | None = None, *, saves: bool = False) -> str | None:
    """Why the breakers let nothing be created on the instrument, not even what reduces, or (`saves`) saves margin."""
    return _forbidden(state, id, client_order_id, adds_risk=False, saves=saves)


def restricted(state: State, id: InstrumentId, client_order_id: str | None = None) -> str | None:
    """Why nothing that adds risk may be created on the instrument."""
    return _forbidden(state, id, client_order_id, adds_risk=True, saves=False)


def _forbidden(
    state: State, id: InstrumentId, client_order_id: str | None, *, adds_risk: bool, saves: bool
) -> str | None:
    shared, own = state.accounts[id.account].breaker, breaker_of(state, id)
    if shared.forbids(client_order_id, adds_risk=adds_risk, saves=saves):
        return _told(f"account {id.account}", shared)
    return _told(str(id), own) if own.forbids(client_order_id, adds_risk=adds_risk, saves=saves) else None


def breaker_of(state: State, id: InstrumentId) -> Breaker:
    """The breaker of one instrument; a closed one where nothing has happened to it."""
    return state.accounts[id.account].instrument_breakers.get(id) or Breaker()


def quiet(state: State, account: str, now: int) -> str | None:
    """Why the venue wants nothing to be created on the account now."""
    view = state.accounts[account]
    if now >= view.quiet_until_at:
        return None
    return f"account {account}: the venue {'has banned us' if view.banned else 'asked for quiet'} for now"


def held_back(state: State, order: PlaceOrder, now: int) -> str | None:
    """Why an order that was decided may not leave any more on its account: asked when its turn on the wire has come.

    A margin reduction needs no lease: if nobody is left to cancel it, it can still only make the position smaller.
    """
    account, name = order.id.account, order.client_order_id
    known = state.orders.get(name)
    if known is not None:
        reduces = order.reduce_only and (known.flatten or known.margin_reduction)
        wish = forbidden(state.paused, state.flattening.get(known.hedge), reduces=reduces)
        if wish is not None:
            return wish
    saves = order.reduce_only and known is not None and known.margin_reduction
    lease = None if saves else no_lease(state, account, now)
    against = broken(state, order.id, name, saves=saves) if order.reduce_only else restricted(state, order.id, name)
    return lease or against or quiet(state, account, now)


def all_shut(state: State) -> str | None:
    """Why nothing at all can be created on any account that trades; None while one of them is open."""
    whys = [_shut(state, account) for account in _trading(state)]
    return "; ".join(why for why in whys if why) if whys and all(whys) else None


def all_restricted(state: State, short: frozenset[str]) -> str | None:
    """Why no account that trades may add risk, those counted that are `short` of margin; None while one of them may."""
    whys = [_bound(state, account, short) for account in _trading(state)]
    return "; ".join(why for why in whys if why) if whys and all(whys) else None


def listed(state: State, account: str) -> list[str]:
    """The symbols of an account's known instruments that the venue still lists: those that its switch is armed for."""
    return [id.symbol for id in state.instruments if id.account == account and id not in state.delisted]


def none_armed(state: State) -> bool:
    """Whether no account that trades has its switch yet: nothing could be created then."""
    trading = _trading(state)
    return bool(trading) and all(no_lease(state, account, state.now) is not None for account in trading)


def too_many_unknown(state: State, limits: BreakerLimits, account: str | None = None) -> str | None:
    """Whether so many orders, or so much money, are of unknown fate (on one account, or together) that nothing may
    be added to them."""
    lost = [o for o in state.orders.values() if o.status is OrderStatus.UNKNOWN and account in (None, o.id.account)]
    if not lost:
        return None
    if len(lost) >= limits.unknown_orders:
        return f"{len(lost)} orders are of unknown fate, the limit is {limits.unknown_orders}"
    worth = sum((still_worth(state, order) for order in lost), ZERO)
    return _too_much(worth, limits.unknown_notional) if account is not None else None


def _too_much(worth: Decimal, limit: Decimal) -> str | None:
    return f"orders of unknown fate are worth {worth:.0f}, the limit is {limit}" if worth > limit else None


def _trading(state: State) -> tuple[str, ...]:
    return tuple(dict.fromkeys(id.account for id in state.hedges_of_instrument))


def _traded(state: State, account: str) -> list[InstrumentId]:
    """The instruments of an account that hedges trade and the venue lists."""
    return [id for id in state.hedges_of_instrument if id.account == account and id not in state.delisted]


def _shut(state: State, account: str) -> str | None:
    view = state.accounts[account]
    found = _breakers_in(state, account, frozenset({BreakerStatus.OPEN}))
    if found is not None:
        return found
    ban = quiet(state, account, state.now) if view.banned else None
    return ban or no_lease(state, account, state.now)


def _bound(state: State, account: str, short: frozenset[str]) -> str | None:
    found = _shut(state, account) or _breakers_in(state, account, _SHUT)
    return found or (f"account {account}: margin is short" if account in short else None)


def _breakers_in(state: State, account: str, statuses: frozenset[BreakerStatus]) -> str | None:
    """What the account's breaker says if it is in one of these; the first one's if those of all instruments are."""
    shared = state.accounts[account].breaker
    if shared.status in statuses:
        return _told(f"account {account}", shared)
    if not state.accounts[account].instrument_breakers:
        return None
    own = [(id, breaker_of(state, id)) for id in _traded(state, account)]
    if own and all(breaker.status in statuses for _, breaker in own):
        return _told(str(own[0][0]), own[0][1])
    return None


def _told(whose: str, breaker: Breaker) -> str:
    tries = ", and one order is trying" if breaker.status is BreakerStatus.HALF_OPEN else ""
    return f"{whose}: {breaker.cause}{tries}"


# --- on the clock's beat ----------------------------------------------------------------------------------------------


def on_beat(state: State, policy: Policy, lag_ms: int) -> tuple[State, list[Command]]:
    """The state a beat later: breakers whose cool-down is over, switches to be extended, and a loop that lags."""
    if lag_ms > policy.lag_ms:
        state = state._replace(lagged_until=state.now + LAG_REST_MS)
    commands: list[Command] = []
    for account, before in state.accounts.items():
        view = _extend(state, _look_at_switch(before, state.now), account, commands)
        if view is not before:
            state = _with_view(state, account, view)
        state = with_breaker(state, policy, account, _look_at_breaker(state, policy, account))
        for id, own in view.instrument_breakers.items():
            looked = _judged(state, policy, own).looked_at(None, _limits_of(own, policy.breakers), state.now)
            state = _with_own_breaker(state, id, looked)
    return state, commands


def _look_at_switch(view: AccountView, now: int) -> AccountView:
    switch = view.switch.looked_at(now) if view.switch is not None else None
    return view if switch is view.switch else replace(view, switch=switch)


def _extend(state: State, view: AccountView, account: str, commands: list[Command]) -> AccountView:
    """Ask for the switch where it is due. Halted or draining it runs out by itself; under a ban nothing may be sent."""
    switch = view.switch
    if switch is None or state.mode not in EXTENDING or not switch.due(state.now):
        return view
    if (view.banned and state.now < view.quiet_until_at) or not listed(state, account):
        return view
    commands.append(ExtendSwitch(account=account, timeout_ms=switch.timeout_ms))
    return replace(view, switch=switch.asked(state.now))


def _look_at_breaker(state: State, policy: Policy, account: str) -> Breaker:
    breaker = _judged(state, policy, state.accounts[account].breaker)
    unknowns = None
    if state.reconciled:
        unknowns = too_many_unknown(state, policy.breakers, account) or too_many_unknown(state, policy.breakers)
    return breaker.looked_at(unknowns, policy.breakers, state.now)


def _judged(state: State, policy: Policy, breaker: Breaker) -> Breaker:
    if breaker.probe is None:
        return breaker
    return _judge_probe(breaker, state.orders.get(breaker.probe), policy.breakers, state.now)


def _judge_probe(breaker: Breaker, order: Order | None, limits: BreakerLimits, now: int) -> Breaker:
    """What became of the order that tries, whatever told us of it."""
    if order is None or order.status is OrderStatus.REJECTED:
        return replace(breaker, probe=None)
    if order.status is OrderStatus.UNKNOWN:
        return breaker.lost(order.client_order_id, limits, now)
    return breaker if order.status is OrderStatus.SENT else breaker.accepted(order.client_order_id)


# --- what happens to a gate -------------------------------------------------------------------------------------------


def with_breaker(state: State, policy: Policy, account: str, breaker: Breaker) -> State:
    """The state with an account's breaker changed. One that trips again and again needs a person, and so does a key
    that the venue does not accept: the program halts, unless others stand in, and none of them needs one."""
    view = state.accounts[account]
    if breaker is view.breaker:
        return state
    state = _with_view(state, account, replace(view, breaker=breaker))
    why = _needs_a_person(breaker, policy.breakers)
    if why is None or state.halted is not None or _is_replaced(state, policy, account):
        return state
    return state._replace(halted=f"account {account}: {why}")


def _is_replaced(state: State, policy: Policy, account: str) -> bool:
    """Whether, for every hedge that trades on an account, another one that needs nobody may stand in for it."""
    if account not in policy.replaceable:
        return False
    able = {name for name, view in state.accounts.items() if _needs_a_person(view.breaker, policy.breakers) is None}
    used = ({id.account for id in hedge.instruments} for hedge in policy.hedges)
    return all(able & accounts - {account} for accounts in used if account in accounts)


def _needs_a_person(breaker: Breaker, limits: BreakerLimits) -> str | None:
    """Why an account does not recover by itself; None where it may."""
    if breaker.lost_authority:
        return f"the venue refused our key {breaker.alike} times in a row; look at its rights"
    if len(breaker.trips) > limits.trips_per_day:
        return f"creates were stopped {len(breaker.trips)} times in a day, last because {breaker.cause}"
    return None


def note_sent(state: State, order: Order) -> State:
    """An order is on its way: while a breaker is half open, it is the one that tries."""
    name, adds_risk = order.client_order_id, not order.reduce_only
    state = _with_own_breaker(state, order.id, breaker_of(state, order.id).sent(name, adds_risk=adds_risk))
    view = state.accounts[order.id.account]
    breaker = view.breaker.sent(name, adds_risk=adds_risk)
    return state if breaker is view.breaker else _with_view(state, order.id.account, replace(view, breaker=breaker))


def note_accepted(state: State, policy: Policy, order: Order) -> State:
    """The venue took an order."""
    account, name = order.id.account, order.client_order_id
    if order.margin_reduction:
        state = _with_refused_reductions(state, order.hedge, 0)
    state = _with_own_breaker(state, order.id, breaker_of(state, order.id).accepted(name))
    return with_breaker(state, policy, account, state.accounts[account].breaker.accepted(name))


def note_rejected(state: State, policy: Policy, order: Order, event: OrderRejected) -> State:
    """The venue refused an order: what speaks of one instrument is counted for it, all else for the account."""
    name, reason, limits, account = order.client_order_id, event.reason, policy.breakers, order.id.account
    kind = {"reduces": order.reduce_only, "saves": order.margin_reduction}
    if order.margin_reduction and reason not in HARMLESS:
        state = _with_refused_reductions(state, order.hedge, state.hedges[order.hedge].refused_reductions + 1)
    own, shared = breaker_of(state, order.id), state.accounts[account].breaker
    if reason not in OF_INSTRUMENT:
        state = _with_own_breaker(state, order.id, own.freed(name))
        limits = _limits_of(shared, limits) if account in policy.replaceable else limits
        return with_breaker(state, policy, account, shared.rejected(name, reason, limits, state.now, **kind))
    after = own.rejected(name, reason, _limits_of(own, limits), state.now, **kind)
    state = _with_own_breaker(state, order.id, after)
    if shared.status is BreakerStatus.OPEN or shared.status is after.status:
        return state
    if reason is RejectReason.UNAVAILABLE and _refused_widely(state, order.id, tripped=after.tripped > own.tripped):
        cause = f"its instruments are refused, last {order.id.symbol} for {reason.value}"
        return with_breaker(state, policy, account, shared.opened(cause, limits, state.now, after.status))
    return with_breaker(state, policy, account, shared.freed(name))


def _refused_widely(state: State, id: InstrumentId, *, tripped: bool) -> bool:
    """Whether refusals of an instrument speak of its account: all its instruments are shut, or two trip within a
    minute. One that was shut before and is refused again says nothing new."""
    if breaker_of(state, id).status not in _SHUT:
        return False
    others = [breaker_of(state, other) for other in _traded(state, id.account) if other != id]
    shut = [other for other in others if other.status in _SHUT and other.last is RejectReason.UNAVAILABLE]
    together = any(other.trips and other.trips[-1] > state.now - TOGETHER_MS for other in shut)
    return len(shut) == len(others) or (tripped and together)


def _limits_of(own: Breaker, limits: BreakerLimits) -> BreakerLimits:
    """The limits of an instrument's breaker, or of an account for which others stand in: one that trips too often in a
    day stays shut for an hour each time, and nothing else is stopped for its sake."""
    if len(own.trips) < limits.trips_per_day:
        return limits
    return replace(limits, cooldown_ms=WEARY_MS, longest_cooldown_ms=WEARY_MS)


def _with_own_breaker(state: State, id: InstrumentId, breaker: Breaker) -> State:
    view = state.accounts[id.account]
    if breaker == (view.instrument_breakers.get(id) or Breaker()):
        return state
    view = replace(view, instrument_breakers={**view.instrument_breakers, id: breaker})
    return _with_view(state, id.account, view)


def _with_refused_reductions(state: State, hedge: str, times: int) -> State:
    memory = state.hedges[hedge]
    if memory.refused_reductions == times:
        return state
    return state._replace(hedges={**state.hedges, hedge: replace(memory, refused_reductions=times)})


def breakers_resumed(state: State) -> State:
    """A person resumed: what the breakers counted is forgotten."""
    views = {name: _resumed(view) for name, view in state.accounts.items()}
    return state._replace(accounts=views)


def _resumed(view: AccountView) -> AccountView:
    own = {id: breaker.resumed() for id, breaker in view.instrument_breakers.items()}
    return replace(view, breaker=view.breaker.resumed(), instrument_breakers=own)


def on_switch_extended(state: State, policy: Policy, event: SwitchExtended) -> State:
    """The venue confirmed the switch. If it may have fired before, what is on the book is read anew first."""
    view = state.accounts[event.account]
    if view.switch is None:
        return state
    fired = view.switch.may_have_fired(state.now)
    switch = view.switch.extended(event.requested_at, event.timeout_ms, state.now)
    state = _with_view(state, event.account, replace(view, switch=switch))
    why = f"the dead man's switch of account {event.account} may have fired"
    return reconcile_anew(state, (event.account,), why, policy) if fired else state


def on_switch_failed(state: State, account: str) -> State:
    """The switch could not be extended: what is left of the lease runs on. Perhaps an instrument trades no more, so the
    rules are read again soon."""
    view = state.accounts[account]
    if view.switch is None:
        return state
    return _with_view(state, account, suspected(replace(view, switch=view.switch.failed()), state.now))


def on_quieted(state: State, event: VenueQuieted) -> State:
    """The venue asked for quiet; a shorter wish does not cut a longer one short."""
    view = state.accounts[event.account]
    goes_on = view.banned and state.now < view.quiet_until_at
    view = replace(view, quiet_until_at=max(view.quiet_until_at, event.until_at), banned=event.banned or goes_on)
    return _with_view(state, event.account, view)


def on_clock(state: State, policy: Policy, event: ClockMeasured) -> State:
    """A venue's clock was measured. If it, or ours, has jumped, times cannot be compared across the jump."""
    view = state.accounts[event.account]
    moved = event.offset_ms - view.offset_ms
    state = _with_view(state, event.account, replace(view, offset_ms=event.offset_ms))
    if abs(moved) <= CLOCK_STEP_MS:
        return state
    return reconcile_anew(state, (event.account,), f"the clock of account {event.account} moved by {moved} ms", policy)


def _with_view(state: State, account: str, view: AccountView) -> State:
    return state._replace(accounts={**state.accounts, account: view})
