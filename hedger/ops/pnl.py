"""Profit and loss as gauges: the UTC day so far, by hedge and component, and what of it nobody could explain."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from decimal import Decimal

from rich.text import Text

from hedger.engine.formulas.attribution import Component
from hedger.engine.known.book import DayRow
from hedger.engine.known.policy import Policy
from hedger.engine.known.state import State
from hedger.engine.news.benchmarks import compare
from hedger.model.numeric import ZERO, plain
from hedger.ops.figures import money
from hedger.ops.meters import Declaring

NO_HEDGE = "none"
TELL_EACH = Decimal(10)


class PnlMeters:
    """What was made and lost, in dollars; hedge `none` is what belongs to none, the money's own move most of all."""

    def __init__(self, on: Declaring) -> None:
        today = "this day (UTC), which begins at 0"
        self.pnl = on.gauge("pnl_usd", f"Profit and loss {today}, by what it comes from.", ("hedge", "component"))
        self.flows = on.gauge("flows_usd", f"What came in from outside {today}; no profit.", ("hedge",))
        self.net_value = on.gauge("net_value_usd", "What the account is worth by its last reading.", ("account",))
        self.unexplained = on.gauge(
            "pnl_unexplained_usd", f"Of the residual {today}: what nobody explained in time.", ("account",)
        )
        self.open = on.gauge("pnl_open_usd", "Of the residual: what may still be explained.", ("account",))


class PnlGauges:
    """Writes the meters from the books."""

    def __init__(self, meters: PnlMeters, policy: Policy) -> None:
        names = ("", *(hedge.name for hedge in policy.hedges))
        self._parts = {
            (name, part): meters.pnl.labels(name or NO_HEDGE, part.value).set for name in names for part in Component
        }
        self._flows = {name: meters.flows.labels(name or NO_HEDGE).set for name in names}
        of_account = (meters.net_value, meters.unexplained, meters.open)
        self._accounts = {name: tuple(meter.labels(name).set for meter in of_account) for name in policy.accounts}
        for net_value, *_ in self._accounts.values():
            net_value(math.nan)

    def show(self, state: State) -> None:
        """The rows of the day, added up over accounts."""
        rows = [row for book in state.books.values() for row in book.rows.values()]
        for (name, part), write in self._parts.items():
            write(float(_sum(row.part(part) for row in rows if row.hedge == name)))
        for name, write in self._flows.items():
            write(float(_sum(row.flows for row in rows if row.hedge == name)))
        for account, (net_value, unexplained, left_open) in self._accounts.items():
            book = state.books.get(account)
            if book is not None:
                net_value(float(book.carry.last.net_value))
                unexplained(float(_sum(row.unexplained for row in book.rows.values())))
                left_open(float(_sum(row.open for row in book.rows.values())))


def today(state: State, hedge: str) -> list[DayRow]:
    """The rows of a hedge on every account, of the day so far."""
    return [row for book in state.books.values() for row in book.rows.values() if row.hedge == hedge]


def pnl_status(state: State, hedge: str) -> dict[str, str] | None:
    """A hedge's profit and loss of the day so far in dollars, for the status file; None before the first reading."""
    rows = today(state, hedge)
    if not rows:
        return None
    told = compare(rows)
    sums = {"hedged": told.hedged, "unhedged": told.unhedged, "static": told.static}
    sums |= {part.value: amount for part in Component if (amount := _sum(row.part(part) for row in rows))}
    if round(left := _sum(row.open for row in rows), 2):
        sums["residual"] = sums.get("residual", ZERO) - left  # so that the parts come to what the hedged book made
        sums["open"] = left  # in none of the three
    return {name: plain(round(amount, 2)) for name, amount in sums.items()}


def pnl_line(state: State, hedge: str) -> Text:
    """What the hedged book made today, and what the holding alone would have."""
    rows = today(state, hedge)
    if not rows:
        return Text("–", style="dim")
    told = compare(rows)
    text = Text(f"{money(told.hedged, signed=True)} USD", style="green" if told.hedged > 0 else "")
    text.append(" · unhedged ", style="dim").append(money(told.unhedged, signed=True))
    return text.append(" · rebalancing ", style="dim").append(money(told.rebalancing, signed=True))


def flows_between(before: State, after: State) -> Iterator[dict[str, str]]:
    """What a step booked as a flow, for the log; fractions of a dollar are not told."""
    for was, now in _changed(before, after):
        amount = now.flows - (was.flows if was is not None else ZERO)
        if abs(amount) >= 1:
            yield {"account": now.account, "hedge": now.hedge, "dollars": plain(round(amount, 2))}


def unexplained_between(before: State, after: State) -> Iterator[dict[str, str]]:
    """The accounts whose unexplained residual of the day passed another ten dollars, for the log."""
    for was, now in _changed(before, after):
        known = was.unexplained if was is not None else ZERO
        if abs(now.unexplained) // TELL_EACH > abs(known) // TELL_EACH:
            yield {"account": now.account, "hedge": now.hedge, "dollars": plain(round(now.unexplained, 2))}


def _changed(before: State, after: State) -> Iterator[tuple[DayRow | None, DayRow]]:
    """The rows that a step changed, with what they were: none where the day is new."""
    for account, book in after.books.items():
        old = before.books.get(account)
        for name, row in book.rows.items():
            was = old.rows.get(name) if old is not None else None
            if was is not row:
                yield (was if was is not None and was.day == row.day else None), row


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)
