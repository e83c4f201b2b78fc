"""The price of a passive order: join the best, round away from the touch, and keep the place in the queue."""

from __future__ import annotations

from decimal import Decimal

from hedger.engine.known.orders import Order
from hedger.engine.known.policy import Execution
from hedger.model.instrument import Instrument
from hedger.model.market import Quote
from hedger.model.numeric import ceil_to, floor_to
from hedger.model.order import Side


def passive_price(side: Side, quote: Quote, instrument: Instrument, execution: Execution) -> Decimal:
    """The price to join: our side's best, `offset_ticks` behind it, on the tick grid, never across the touch.

    A buy is at least one tick; where even that would cross there is no passive price, and it is nothing or less.
    """
    tick = instrument.tick_size
    behind = execution.offset_ticks * tick
    if side is Side.SELL:
        return max(ceil_to(quote.ask + behind, tick), floor_to(quote.bid, tick) + tick)
    return min(max(floor_to(quote.bid - behind, tick), tick), ceil_to(quote.ask, tick) - tick)


def touch_moved_away(order: Order, quote: Quote, instrument: Instrument, execution: Execution, now: int) -> bool:
    """Whether a working order should follow the touch.

    A young order is left alone. A move of at least `reprice_ticks` is followed at once; a smaller one only after
    `linger_ms`, because the touch often comes back and the place in the queue is worth more than a tick.
    """
    age = now - order.placed_at
    if age < execution.reprice_ms:
        return False
    wanted = passive_price(order.side, quote, instrument, execution)
    ticks = (order.price - wanted) * -order.side.sign / instrument.tick_size
    if ticks >= execution.reprice_ticks:
        return True
    return ticks > 0 and age >= execution.linger_ms


def joined_notional(side: Side, quote: Quote, instrument: Instrument) -> Decimal:
    """The quote notional that rests at the best price of our side: how much of a market there is to join. A unit of an
    inverse contract is worth its dollars, whatever its price."""
    price, quantity = (quote.ask, quote.ask_quantity) if side is Side.SELL else (quote.bid, quote.bid_quantity)
    return instrument.notional(quantity, price)
