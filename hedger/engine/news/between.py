"""Which executions of others a movement was: those between the reading that showed it and the one before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from hedger.engine.known.movement import Shift
from hedger.engine.known.state import AccountView, State
from hedger.engine.news.executions import key_of
from hedger.engine.news.order_flow import is_another, order_of
from hedger.model.numeric import ZERO
from hedger.model.order import Fill

CLOCK_SLACK_MS = 1_000
LAG_MS = 5_000


class Others(NamedTuple):
    """The executions that are `told` as what moved; of those that are `kept` nobody knows whether a reading has shown
    them."""

    told: list[Fill]
    kept: list[Fill]


def others_between(state: State, view: AccountView, shift: Shift, fills: Iterable[Fill]) -> Others:
    """The executions that are not ours, were not told, and were done between the readings.

    A reading shows what was done until some moment. Where those until one come to the movement, it is they, also where
    some are a little older: the list of positions was behind. Else all are told, and once an answer did not explain
    everything, older ones that fit too.
    """
    since_at = shift.since_at + view.offset_ms - CLOCK_SLACK_MS
    until_at = shift.seen_at + view.offset_ms + CLOCK_SLACK_MS
    new = [fill for fill in _untold(state, view, fills) if fill.exchange_at <= until_at]
    recent = [fill for fill in new if fill.exchange_at >= since_at - LAG_MS]
    older = sum(fill.exchange_at < since_at for fill in recent)
    sums = [ZERO, *accumulate(fill.side.sign * fill.quantity for fill in recent)]
    for first in range(older, -1, -1):
        for last in range(len(recent), older - 1, -1):
            if sums[last] - sums[first] == shift.quantity:
                return Others(recent[first:last], recent[last:])
    some = _that_fit(shift, new, since_at)
    return Others(some, some)


def _untold(state: State, view: AccountView, fills: Iterable[Fill]) -> list[Fill]:
    known, new = frozenset(view.movement.trades_known), list[Fill]()
    for fill in sorted(fills, key=lambda fill: fill.exchange_at):
        order = order_of(state, fill)
        ours = order is not None and not is_another(order, fill.venue_order_id)
        if not ours and key_of(fill) not in known:
            new.append(fill)
    return new


def _that_fit(shift: Shift, fills: Sequence[Fill], since_at: int) -> list[Fill]:
    left, some = shift.quantity, list[Fill]()
    for fill in fills:
        quantity = fill.side.sign * fill.quantity
        fits = shift.asks > 1 and quantity * left > 0 and abs(quantity) <= abs(left)
        if fill.exchange_at >= since_at or fits:
            some.append(fill)
            left -= quantity
    return some
