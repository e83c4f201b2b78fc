"""What else could have been: the same holding without a hedge, and with the first hedge left alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from hedger.engine.formulas.attribution import Leg
from hedger.engine.known.book import NOTHING, DayRow, Snapshot, Sums
from hedger.model.numeric import ZERO


class Compared(NamedTuple):
    """In dollars, over the same days: the hedged book, the holding without futures, the first hedge left alone.

    What belongs to no hedge (the move of the money above all) is in `outside`, and in none of the three. Nor is what is
    still `open`: a deposit that was read a moment ago is no profit, and is not told as one meanwhile.
    """

    hedged: Decimal
    unhedged: Decimal
    static: Decimal
    outside: Decimal

    @property
    def rebalancing(self) -> Decimal:
        """What having rebalanced brought (+) or cost (−): fees, funding, edge and delay included."""
        return self.hedged - self.static


def compare(rows: Iterable[DayRow]) -> Compared:
    """The comparison over rows of any days, hedges and accounts; days in between that have no row did not exist."""
    hedged = unhedged = static = outside = ZERO
    ordered = sorted(rows, key=lambda row: (row.account, row.hedge, row.day))
    for (_, name), days in groupby(ordered, key=lambda row: (row.account, row.hedge)):
        of_it = list(days)
        made = sum((row.made - row.open for row in of_it), ZERO)
        if not name:
            outside += made
            continue
        hedged += made
        unhedged += _unhedged(of_it)
        static += _static(of_it)
    return Compared(hedged, unhedged, static, outside)


def _unhedged(days: Sequence[DayRow]) -> Decimal:
    """The coins of the beginning, and what came in when it came, at the last price; and what the options made."""
    return _held(days[0].opening, days, NOTHING)


def _static(days: Sequence[DayRow]) -> Decimal:
    """What was made until the first hedge was on; from then on the same holding, with that hedge and no other."""
    number = next((number for number, row in enumerate(days) if row.first is not None), None)
    if number is None:
        return sum((day.made - day.open for day in days), ZERO)
    first, by_then, later = days[number].first, days[number].at_first, days[number:]
    assert first is not None, "the day has a first hedge"
    made = sum((day.made for day in days[:number]), ZERO) + by_then.made + _held(first, later, by_then)
    return made + sum((_left_alone(leg, later) for leg in first.legs), ZERO)


def _held(since: Snapshot, days: Sequence[DayRow], by_then: Sums) -> Decimal:
    """What the coins of a snapshot made until the end, with those that came in later, and the options."""
    end = days[-1].closing
    total = Sums(*(sum(amounts, ZERO) for amounts in zip(*(day.sums for day in days), strict=True)))
    came, cost = total.coins_in - by_then.coins_in, total.coins_value - by_then.coins_value
    return since.coins * (end.price - since.price) + came * end.price - cost + total.options - by_then.options


def _left_alone(leg: Leg, days: Sequence[DayRow]) -> Decimal:
    """What a future of a snapshot made, left as it was until the end or until its last row, with its funding."""
    ends = (end for day in reversed(days) for end in day.closing.legs if end.symbol == leg.symbol)
    last = next(ends, leg)
    price = next((day.closing.money[leg.settle] for day in reversed(days) if leg.settle in day.closing.money), ZERO)
    funding = sum((day.funding_units.get(leg.symbol, ZERO) for day in days), ZERO)
    return leg.quantity * ((last.worth(last.mark_price) - leg.worth(leg.mark_price)) * price + funding)
