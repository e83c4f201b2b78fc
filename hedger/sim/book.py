"""A limit order book with price-time priority, in which each order keeps its place in the queue."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from hedger.model.numeric import ZERO
from hedger.model.order import Side


@dataclass(slots=True, kw_only=True)
class Resting:
    """An order resting in the book. `owner` is None for the anonymous crowd."""

    order_id: int
    owner: str | None
    side: Side
    price: Decimal
    remaining: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One execution: the resting (maker) order, how much, at the maker's price."""

    maker: Resting
    taker_id: int
    taker_owner: str | None
    quantity: Decimal


class Book:
    """Bids and asks; best first, first come first served within a price.

    An owner never trades with itself: a taker that meets its owner's resting order stops there, and what is
    left of it expires. Orders that `set_crowd` makes have negative ids.
    """

    def __init__(self) -> None:
        self._bids = _Ladder()
        self._asks = _Ladder()
        self._orders: dict[int, Resting] = {}
        self._crowd_id = 0

    def add(self, order: Resting) -> list[Match]:
        """Match `order` against the other side while it crosses, and rest what remains; the executions."""
        assert order.remaining > 0, "an order of nothing cannot rest"
        assert order.order_id not in self._orders, "an order id is used once"
        matches: list[Match] = []
        if self.crosses(order.side, order.price):
            matches = self._match(order.side, order.remaining, order.price, order.order_id, order.owner)
            for match in matches:
                order.remaining -= match.quantity
        if order.remaining > 0 and not self.crosses(order.side, order.price):
            self._rest(order)
        return matches

    def take(
        self, side: Side, quantity: Decimal, limit: Decimal | None, *, taker_id: int, owner: str | None
    ) -> list[Match]:
        """Execute immediately up to `quantity` at prices no worse than `limit`; nothing rests."""
        return self._match(side, quantity, limit, taker_id, owner)

    def crosses(self, side: Side, price: Decimal) -> bool:
        """Whether an order at `price` would execute at once."""
        if side is Side.BUY:
            prices = self._asks.prices
            return bool(prices) and prices[0] <= price
        prices = self._bids.prices
        return bool(prices) and prices[-1] >= price

    def cancel(self, order_id: int) -> Resting | None:
        """Take an order out; None if it is not resting."""
        order = self._orders.pop(order_id, None)
        if order is not None:
            ladder = self._ladder(order.side)
            level = ladder.at(order.price)
            assert level is not None
            del level[order_id]
            if not level:
                ladder.remove(order.price)
        return order

    def reduce(self, order_id: int, quantity: Decimal) -> None:
        """Take `quantity` off a resting order, which keeps its place; all of it cancels the order."""
        order = self._orders[order_id]
        if quantity >= order.remaining:
            self.cancel(order_id)
        else:
            order.remaining -= quantity

    def find(self, order_id: int) -> Resting | None:
        """The resting order with that id, or None."""
        return self._orders.get(order_id)

    def best(self, side: Side) -> tuple[Decimal, Decimal] | None:
        """(price, total quantity) of the best level of a side."""
        ladder = self._ladder(side)
        if not ladder.prices:
            return None
        index = -1 if side is Side.BUY else 0
        return ladder.prices[index], _total(ladder.levels[index])

    def levels(self, side: Side, limit: int) -> list[tuple[Decimal, Decimal]]:
        """(price, total quantity), best first."""
        return [(price, _total(level)) for price, level in self._walk(side, limit)]

    def prices(self, side: Side) -> list[Decimal]:
        """The prices of a side's levels, ascending on both sides: not to be changed."""
        return self._ladder(side).prices

    def queue(self, side: Side, price: Decimal) -> Iterator[Resting]:
        """The orders at a price, first in the queue first."""
        level = self._ladder(side).at(price)
        return iter(()) if level is None else iter(tuple(level.values()))

    def set_crowd(self, side: Side, price: Decimal, quantity: Decimal) -> list[Match]:
        """Make the anonymous quantity at a level equal `quantity`, as a recorded depth message says.

        More arrives behind the queue (and executes against owned orders that it crosses); less leaves as
        cancels drawn from the whole crowd in proportion: an owned order's place improves by its share only.
        The crowd never trades with itself here: anonymous quantity that the new level crosses is gone.
        """
        ladder = self._bids if side is Side.BUY else self._asks
        level = ladder.at(price)
        if level is None:
            return self._arrive(side, price, quantity) if quantity > 0 else []
        if len(level) == 1:
            (only,) = level.values()
            if only.owner is None and quantity > 0:
                only.remaining = quantity
                return []
        present = _crowd_total(level)
        if quantity > present:
            self._join(level, side, price, quantity - present)
        elif not quantity:
            self._leave(ladder, level, price)
        elif quantity < present:
            self._thin(level, quantity, present)
        return []

    # --- matching ------------------------------------------------------------------------------------------

    def _match(
        self, side: Side, quantity: Decimal, limit: Decimal | None, taker_id: int, owner: str | None
    ) -> list[Match]:
        matches: list[Match] = []
        while quantity > 0:
            maker = self._front(Side.BUY if side is Side.SELL else Side.SELL)
            if maker is None or (limit is not None and _worse(side, maker.price, limit)):
                break
            if owner is not None and maker.owner == owner:
                break
            traded = min(quantity, maker.remaining)
            quantity -= traded
            maker.remaining -= traded
            if not maker.remaining:
                self.cancel(maker.order_id)
            matches.append(Match(maker=maker, taker_id=taker_id, taker_owner=owner, quantity=traded))
        return matches

    def _front(self, side: Side) -> Resting | None:
        ladder = self._ladder(side)
        if not ladder.prices:
            return None
        return next(iter(ladder.levels[-1 if side is Side.BUY else 0].values()))

    def _rest(self, order: Resting) -> None:
        self._orders[order.order_id] = order
        self._ladder(order.side).make(order.price)[order.order_id] = order

    # --- the crowd -----------------------------------------------------------------------------------------

    def _arrive(self, side: Side, price: Decimal, quantity: Decimal) -> list[Match]:
        """Crowd comes to a price that had no level: what it crosses of the crowd goes, of owners trades."""
        self._crowd_id -= 1
        order = Resting(order_id=self._crowd_id, owner=None, side=side, price=price, remaining=quantity)
        if self.crosses(side, price):
            self._clear_crossed(side, price)
            return self.add(order)
        self._rest(order)
        return []

    def _clear_crossed(self, side: Side, price: Decimal) -> None:
        other = Side.SELL if side is Side.BUY else Side.BUY
        crossed = [level for at, level in self._walk(other, None) if not _worse(side, at, price)]
        for level in crossed:
            for order in tuple(level.values()):
                if order.owner is None:
                    self.cancel(order.order_id)

    def _join(self, level: dict[int, Resting], side: Side, price: Decimal, more: Decimal) -> None:
        last = next(reversed(level.values()))
        if last.owner is None:
            last.remaining += more
            return
        self._crowd_id -= 1
        order = Resting(order_id=self._crowd_id, owner=None, side=side, price=price, remaining=more)
        self._orders[order.order_id] = order
        level[order.order_id] = order

    def _leave(self, ladder: _Ladder, level: dict[int, Resting], price: Decimal) -> None:
        for order in tuple(level.values()):
            if order.owner is None:
                del level[order.order_id], self._orders[order.order_id]
        if not level:
            ladder.remove(price)

    def _thin(self, level: dict[int, Resting], quantity: Decimal, present: Decimal) -> None:
        """Shrink each crowd order in proportion; the crowd ahead of any place is rounded up, never down."""
        ahead = kept = ZERO
        quantum = _finest([quantity, *(order.remaining for order in level.values())])
        for order in tuple(level.values()):
            if order.owner is None:
                ahead += order.remaining
                keep = min((ahead * quantity / present).quantize(quantum, ROUND_CEILING), quantity)
                order.remaining, kept = keep - kept, keep
                if not order.remaining:
                    del level[order.order_id], self._orders[order.order_id]

    # --- levels --------------------------------------------------------------------------------------------

    def _ladder(self, side: Side) -> _Ladder:
        return self._bids if side is Side.BUY else self._asks

    def _walk(self, side: Side, limit: int | None) -> Iterator[tuple[Decimal, dict[int, Resting]]]:
        ladder = self._ladder(side)
        count = len(ladder.prices) if limit is None else min(limit, len(ladder.prices))
        places = range(-1, -count - 1, -1) if side is Side.BUY else range(count)
        return ((ladder.prices[i], ladder.levels[i]) for i in places)


class _Ladder:
    """One side's levels in two parallel arrays, prices ascending: no hashing of Decimals, which is slow."""

    __slots__ = ("levels", "prices")

    def __init__(self) -> None:
        self.prices: list[Decimal] = []
        self.levels: list[dict[int, Resting]] = []

    def at(self, price: Decimal) -> dict[int, Resting] | None:
        place = bisect_left(self.prices, price)
        if place < len(self.prices) and self.prices[place] == price:
            return self.levels[place]
        return None

    def make(self, price: Decimal) -> dict[int, Resting]:
        place = bisect_left(self.prices, price)
        if place == len(self.prices) or self.prices[place] != price:
            self.prices.insert(place, price)
            self.levels.insert(place, {})
        return self.levels[place]

    def remove(self, price: Decimal) -> None:
        place = bisect_left(self.prices, price)
        del self.prices[place], self.levels[place]


def _worse(side: Side, price: Decimal, limit: Decimal) -> bool:
    return price > limit if side is Side.BUY else price < limit


def _total(level: dict[int, Resting]) -> Decimal:
    total = ZERO
    for order in level.values():
        total += order.remaining
    return total


def _crowd_total(level: dict[int, Resting]) -> Decimal:
    total = ZERO
    for order in level.values():
        if order.owner is None:
            total += order.remaining
    return total


def _finest(quantities: Iterable[Decimal]) -> Decimal:
    """10 to the smallest exponent among them: rounding to it keeps quantities on their own grid."""
    exponents = (quantity.as_tuple().exponent for quantity in quantities)
    return Decimal(1).scaleb(min(e for e in exponents if isinstance(e, int)))
