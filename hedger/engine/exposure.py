"""Net delta of a hedge, and the interval that every outcome of working and unknown orders allows."""

from __future__ import annotations

from decimal import Decimal

from hedger.engine.orders import OrderStatus
from hedger.engine.policy import Hedge
from hedger.engine.state import AccountView, Exposure, State
from hedger.model.instrument import Instrument, InstrumentId
from hedger.model.numeric import ZERO
from hedger.model.order import Side


def exposure(state: State, hedge: Hedge) -> Exposure | None:
    """The hedge's exposure in coins, None while one of its accounts has never been read.

    Spot and collateral of the underlying count whole (free, locked, in orders). Every position in the underlying
    counts, whether the hedge trades that instrument or not: the venue outranks the configuration.
    """
    spot = ZERO
    futures = ZERO
    for account in state.accounts_of_hedge[hedge.name]:
        view = state.accounts[account]
        reading = view.reading
        if reading is None:
            return None
        if account in hedge.spot_accounts:
            spot += reading.spot.get(hedge.underlying, ZERO) + reading.collateral.get(hedge.underlying, ZERO)
        for position in reading.positions:
            if position.underlying == hedge.underlying:
                futures += position.delta
        futures += _fills_since(state, hedge, view)
    low, high = _pending(state, hedge)
    delta = spot + hedge.static_quantity + futures
    return Exposure(spot=spot, static=hedge.static_quantity, futures=futures, low=delta + low, high=delta + high)


def position_of(state: State, id: InstrumentId) -> Decimal:
    """The signed position in units: the believed reading plus our own fills since."""
    view = state.accounts[id.account]
    position = view.fills_since.get(id, ZERO)
    if view.reading is not None:
        position += sum((p.quantity for p in view.reading.positions if p.id == id), ZERO)
    return position


def room_for(state: State, hedge: Hedge, instrument: Instrument, side: Side) -> Decimal:
    """How many units an order on `side` may have so that the hedge's positions together stay within their limit, also
    if every order of unknown fate on that side fills. Not positive: there is no room."""
    others = (state.instruments[id] for id in hedge.instruments if id != instrument.id and id in state.instruments)
    taken = sum((abs(position_of(state, rules.id)) * rules.contract_multiplier for rules in others), ZERO)
    room = (hedge.guards.position - taken) / instrument.contract_multiplier
    lost = (o for o in state.orders.values() if o.status is OrderStatus.UNKNOWN and o.id == instrument.id)
    pending = sum((o.remaining for o in lost if o.side is side), ZERO)
    return room - side.sign * position_of(state, instrument.id) - pending


def _fills_since(state: State, hedge: Hedge, view: AccountView) -> Decimal:
    total = ZERO
    for id, quantity in view.fills_since.items():
        instrument = state.instruments[id]
        if instrument.underlying == hedge.underlying:
            total += quantity * instrument.contract_multiplier
    return total


def _pending(state: State, hedge: Hedge) -> tuple[Decimal, Decimal]:
    """What live orders may still add to the delta: (at the lowest, at the highest), in coins."""
    low = high = ZERO
    for order in state.orders.values():
        if order.hedge == hedge.name and order.live:
            coins = order.side.sign * order.remaining * state.instruments[order.id].contract_multiplier
            low, high = (low + coins, high) if coins < 0 else (low, high + coins)
    return low, high
