"""Net delta of a hedge, and the interval that every outcome of working and unknown orders allows."""

from __future__ import annotations

from decimal import Decimal

from hedger.engine.orders import OrderStatus
from hedger.engine.overlay import NO_OPTIONS, overlay
from hedger.engine.policy import Hedge
from hedger.engine.state import AccountView, Exposure, State
from hedger.model.account import Position
from hedger.model.instrument import Instrument, InstrumentId, Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.model.option import OptionPosition
from hedger.model.order import Side


def exposure(state: State, hedge: Hedge) -> Exposure | None:
    """The hedge's exposure in coins, None while one of its accounts has never been read.

    Spot and the coin's equity in the derivatives wallet count whole (free, locked, in orders). Every position and every
    option in the underlying counts, whether the hedge trades that instrument or not: the venue outranks the
    configuration.
    """
    spot = ZERO
    futures = ZERO
    held: list[OptionPosition] = []
    for account in state.accounts_of_hedge[hedge.name]:
        view = state.accounts[account]
        reading = view.reading
        if reading is None:
            return None
        if account in hedge.spot_accounts:
            spot += reading.spot.get(hedge.underlying, ZERO) + reading.equity(hedge.underlying)
        for position in reading.positions:
            if position.underlying == hedge.underlying:
                futures += delta_of(position, state.now)
        futures += _fills_since(state, hedge, view)
        held += [option for option in reading.options if option.underlying == hedge.underlying and option.quantity]
    options = overlay(held, _index_price(state, hedge, held), state.now) if held else NO_OPTIONS
    low, high = _pending(state, hedge)
    delta = spot + hedge.static_quantity + futures + options.delta
    return Exposure(
        spot=spot,
        static=hedge.static_quantity,
        futures=futures,
        low=delta + low,
        high=delta + high,
        options=options,
    )


def delta_of(position: Position, now: int) -> Decimal:
    """A position's delta in coins: q of a linear perpetual, q·F/S of a linear dated future (at a constant annualised
    basis), N/P of an inverse contract, whose coins stand in the equity beside it."""
    dated = position.expiry_at is not None and position.payoff is Payoff.LINEAR and position.index_price is not None
    tail = position.mark_price / position.index_price if dated and position.index_price else ONE
    return position.delta * tail


def coins_of(state: State, instrument: Instrument, units: Decimal) -> Decimal:
    """The delta in coins of `units` of an instrument at its last mark; an inverse contract needs to have been seen."""
    held = state.marks.get(instrument.id)
    if instrument.payoff is not Payoff.INVERSE and (instrument.expiry_at is None or held is None):
        return units * instrument.contract_multiplier
    if held is None:
        return ZERO
    mark = held[0]
    tail = mark.mark_price / mark.index_price if instrument.payoff is Payoff.LINEAR else ONE
    return instrument.coins(units, mark.mark_price) * tail


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
    taken = sum((abs(coins_of(state, rules, position_of(state, rules.id))) for rules in others), ZERO)
    per_unit = coins_of(state, instrument, ONE)
    if not per_unit:
        return ZERO
    room = (hedge.guards.position - taken) / per_unit
    lost = (o for o in state.orders.values() if o.status is OrderStatus.UNKNOWN and o.id == instrument.id)
    pending = sum((o.remaining for o in lost if o.side is side), ZERO)
    return room - side.sign * position_of(state, instrument.id) - pending


def _index_price(state: State, hedge: Hedge, held: list[OptionPosition]) -> Decimal:
    """The live index in quote per coin; while none was seen, what the options were read with."""
    for id in hedge.instruments:
        instrument, mark = state.instruments.get(id), state.marks.get(id)
        if instrument is not None and mark is not None:
            return instrument.coin_price(mark[0].index_price)
    return held[0].index_price


def _fills_since(state: State, hedge: Hedge, view: AccountView) -> Decimal:
    total = ZERO
    for id, quantity in view.fills_since.items():
        instrument = state.instruments[id]
        if instrument.underlying == hedge.underlying:
            total += coins_of(state, instrument, quantity)
    return total


def _pending(state: State, hedge: Hedge) -> tuple[Decimal, Decimal]:
    """What live orders may still add to the delta: (at the lowest, at the highest), in coins."""
    low = high = ZERO
    for order in state.orders.values():
        if order.hedge == hedge.name and order.live:
            coins = coins_of(state, state.instruments[order.id], order.side.sign * order.remaining)
            low, high = (low + coins, high) if coins < 0 else (low, high + coins)
    return low, high
