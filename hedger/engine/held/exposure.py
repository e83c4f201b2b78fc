"""Net delta of a hedge, and the interval that every outcome of working and unknown orders allows."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hedger.engine.formulas.overlay import NO_OPTIONS, Overlay, summed
from hedger.engine.formulas.overlay_rows import Rows, rows_of_readings
from hedger.engine.held.dated_marks import curve_of
from hedger.engine.held.freshness import is_unseen, venue_now
from hedger.engine.known.orders import Order, OrderStatus
from hedger.engine.known.policy import Hedge
from hedger.engine.known.state import AccountView, Exposure, State
from hedger.model.account import AccountReading, Position
from hedger.model.instrument import Instrument, InstrumentId, Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.model.order import Side

_OUT_OF_OUR_HANDS = frozenset({OrderStatus.UNKNOWN, OrderStatus.PENDING_CANCEL})


def exposure(state: State, hedge: Hedge) -> Exposure | None:
    """The hedge's exposure in coins, None while one of its accounts has never been read.

    Spot and the coin's equity in the derivatives wallet count whole (free, locked, in orders). Every position and every
    option in the underlying counts, whether the hedge trades that instrument or not: the venue outranks the
    configuration.
    """
    spot = profit = ZERO
    futures = ZERO
    gone_low = gone_high = ZERO
    readings: list[AccountReading] = []
    for account in state.accounts_of_hedge[hedge.name]:
        view = state.accounts[account]
        reading = view.reading
        if reading is None:
            return None
        if account in hedge.spot_accounts:
            spot += reading.spot.get(hedge.underlying, ZERO) + reading.equity(hedge.underlying)
            profit += reading.unrealized.get(hedge.underlying, ZERO)
        for position in reading.positions:
            if position.underlying == hedge.underlying:
                futures += _now(state, position)
        if view.fills_since:
            futures += _fills_since(state, hedge, view)
        if hedge.failover.allowed and is_unseen(state, hedge, account):
            for coins in _at_stake(state, hedge, reading):
                gone_low, gone_high = gone_low - max(ZERO, coins), gone_high - min(ZERO, coins)
        if reading.options:
            readings.append(reading)
    options = _options(state, hedge, tuple(readings)) if readings else NO_OPTIONS
    low, high = _pending(state, hedge) if state.orders else (ZERO, ZERO)
    delta = spot + hedge.static_quantity + futures + options.delta
    return Exposure(
        spot=spot,
        static=hedge.static_quantity,
        futures=futures,
        low=delta + low + gone_low,
        high=delta + high + gone_high,
        options=options,
        profit=profit,
    )


def _now(state: State, position: Position) -> Decimal:
    """A position's delta in coins at its venue's time."""
    if position.expiry_at is None:
        return position.delta
    return delta_of(_priced(state, position), venue_now(state, position.id.account), _settlement_ms(state, position))


def _at_stake(state: State, hedge: Hedge, reading: AccountReading) -> list[Decimal]:
    """The deltas of an unseen account's positions, each of which may be gone: deleveraged, or liquidated."""
    ours = [id for id in hedge.instruments if id.account == reading.account and id in state.instruments]
    others = [p for p in reading.positions if p.underlying == hedge.underlying and p.id not in ours]
    deltas = [coins_of(state, state.instruments[id], position_of(state, id)) for id in ours]
    return deltas + [_now(state, position) for position in others]


def delta_of(position: Position, now: int, settlement_ms: int = 0) -> Decimal:
    """A position's delta in coins: q of a linear perpetual, q·F/S of a linear dated future (at a constant annualised
    basis), N/P of an inverse contract, whose coins stand in the equity beside it. Over the settlement average of a
    dated one it goes to nothing."""
    if position.expiry_at is None:
        return position.delta
    tail = ONE
    if position.payoff is Payoff.LINEAR and position.index_price:
        tail = position.mark_price / position.index_price
    return position.delta * tail * unsettled(position.expiry_at, settlement_ms, now)


def coins_of(state: State, instrument: Instrument, units: Decimal) -> Decimal:
    """The delta in coins of `units` of an instrument at its last mark; an inverse contract needs to have been seen."""
    if instrument.payoff is not Payoff.INVERSE and instrument.expiry_at is None:
        return units * instrument.contract_multiplier
    held = state.marks.get(instrument.id)
    left = ONE
    if instrument.expiry_at is not None:
        left = unsettled(instrument.expiry_at, instrument.settlement_ms, venue_now(state, instrument.id.account))
    if instrument.payoff is not Payoff.INVERSE and held is None:
        return units * instrument.contract_multiplier * left
    if held is None:
        return ZERO
    mark = held[0]
    tail = mark.mark_price / mark.index_price if instrument.payoff is Payoff.LINEAR else ONE
    return instrument.coins(units, mark.mark_price) * tail * left


def coins_for(state: State, hedge: Hedge, instrument: Instrument, units: Decimal) -> Decimal:
    """What `units` of one of a hedge's instruments are in coins of the hedge's underlying: their delta, and where the
    instrument is on another coin, what that is worth in coins of ours. 0 while a price was never seen."""
    coins = coins_of(state, instrument, units)
    if hedge.cross is None or instrument.underlying == hedge.underlying:
        return coins
    quote, mark = state.quotes.get(hedge.cross.spot), state.marks.get(instrument.id)
    if quote is None or mark is None:
        return ZERO
    return coins * instrument.coin_price(mark[0].index_price) / quote[0].mid_price


def unsettled(expiry_at: int, settlement_ms: int, now: int) -> Decimal:
    """The share of a dated contract's price that is not fixed yet: 1 before its settlement average, 0 after expiry."""
    left = expiry_at - now
    if left <= 0:
        return ZERO
    return ONE if left >= settlement_ms else Decimal(left) / settlement_ms


def _priced(state: State, position: Position) -> Position:
    """A dated linear position with the index that its venue does not tell beside it: that of its last mark."""
    mark = state.marks.get(position.id) if position.expiry_at is not None and position.index_price is None else None
    if mark is None:
        return position
    return replace(position, mark_price=mark[0].mark_price, index_price=mark[0].index_price)


def _settlement_ms(state: State, position: Position) -> int:
    """How long a position's settlement average lasts; nobody says it of what is not configured."""
    rules = state.instruments.get(position.id)
    return 0 if rules is None else rules.settlement_ms


def position_of(state: State, id: InstrumentId) -> Decimal:
    """The signed position in units: the believed reading plus our own fills since."""
    view = state.accounts[id.account]
    position = view.fills_since.get(id, ZERO)
    if view.reading is not None:
        position += sum((p.quantity for p in view.reading.positions if p.id == id), ZERO)
    return position


def still_worth(state: State, order: Order) -> Decimal:
    """What an order may still fill, in quote. Where the rules of its instrument are not known, as of one of an earlier
    start whose contract has ended, it is taken for a coin a unit: for a contract of some dollars that is too much."""
    rules = state.instruments.get(order.id)
    return order.remaining * order.price if rules is None else rules.notional(order.remaining, order.price)


def room_for(state: State, hedge: Hedge, instrument: Instrument, side: Side) -> Decimal:
    """How many units an order on `side` may have so that the hedge's positions together stay within their limit, also
    if every order of unknown fate on that side fills. Not positive: there is no room."""
    others = [id for id in hedge.instruments if id != instrument.id and id in state.instruments]
    taken = sum((largest(state, hedge, id) for id in others), ZERO)
    per_unit = coins_for(state, hedge, instrument, ONE)
    if not per_unit:
        return ZERO
    room = (hedge.guards.position - taken) / per_unit
    lost = (o for o in state.orders.values() if o.status is OrderStatus.UNKNOWN and o.id == instrument.id)
    pending = sum((o.remaining for o in lost if o.side is side), ZERO)
    return room - side.sign * position_of(state, instrument.id) - pending


def largest(state: State, hedge: Hedge, id: InstrumentId) -> Decimal:
    """The largest position in coins, without its sign, that one of a hedge's instruments may come to by orders which
    may still fill and which nobody can do anything about now."""
    position, up, down = position_of(state, id), ZERO, ZERO
    for order in state.orders.values():
        if order.id == id and order.status in _OUT_OF_OUR_HANDS:
            up, down = (up + order.remaining, down) if order.side is Side.BUY else (up, down + order.remaining)
    units = max(abs(position + up), abs(position - down))
    return abs(coins_for(state, hedge, state.instruments[id], units))


def _options(state: State, hedge: Hedge, readings: tuple[AccountReading, ...]) -> Overlay:
    rows = rows_of_readings(readings, hedge.underlying)
    if not rows.names:
        return NO_OPTIONS
    return summed(rows, _index_price(state, hedge, rows), venue_now(state, rows.accounts[0]), curve_of(state, hedge))


def _index_price(state: State, hedge: Hedge, rows: Rows) -> Decimal:
    """The live index in quote per coin, the newest of the hedge's instruments': one that has expired keeps its last.
    While none was seen, what the options were read with."""
    seen = [
        (state.marks[id][1], -place, instrument.coin_price(state.marks[id][0].index_price))
        for place, id in enumerate(hedge.instruments)
        if id in state.marks and (instrument := state.instruments.get(id)) is not None
        if instrument.underlying == hedge.underlying
    ]
    if seen:
        return max(seen)[2]
    return Decimal(repr(float(rows.index[0])))


def _fills_since(state: State, hedge: Hedge, view: AccountView) -> Decimal:
    total = ZERO
    for id, quantity in view.fills_since.items():
        instrument = state.instruments[id]
        if instrument.underlying == hedge.underlying:
            total += coins_of(state, instrument, quantity)
    return total


def _pending(state: State, hedge: Hedge) -> tuple[Decimal, Decimal]:
    """What live orders may still add to the delta: (at the lowest, at the highest), in coins. Orders on other coins are
    `engine/wanted/other_coins.py`'s."""
    low = high = ZERO
    if hedge.cross is not None:
        return low, high
    for order in state.orders.values():
        if order.hedge == hedge.name and order.live:
            coins = coins_of(state, state.instruments[order.id], order.side.sign * order.remaining)
            low, high = (low + coins, high) if coins < 0 else (low, high + coins)
    return low, high
