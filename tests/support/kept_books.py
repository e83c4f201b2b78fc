"""The books that a run left in its journal, beside what the exchange knows of the same account."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal as D
from pathlib import Path

from hedger.engine.formulas.attribution import Component
from hedger.engine.known.book import DayRow
from hedger.runtime.journal import Journal
from hedger.runtime.kept_books import day_row
from tests.support.simulated_daemon import OWNER, Play

CENT = D("0.01")


def rows_of(directory: Path) -> list[DayRow]:
    """The newest row of each day, account and hedge."""
    with closing(Journal.open(directory, read_only=True)) as journal:
        return [day_row(body) for body in journal.latest("pnl").values()]


def part(rows: Sequence[DayRow], component: Component) -> D:
    return sum((row.part(component) for row in rows), D(0))


def flows(rows: Sequence[DayRow]) -> D:
    return sum((row.flows for row in rows), D(0))


def made(rows: Sequence[DayRow]) -> D:
    return sum((row.made for row in rows), D(0))


def checked(rows: Sequence[DayRow], it: Play) -> None:
    """What was charged and paid in dollars is the exchange's own, to the cent, and the sum is the value's change."""
    account = it.world.exchange.floor.account(OWNER)
    coins = [asset for asset, fee in account.fees.items() if fee and asset != "USDT"]
    if not coins:
        assert abs(part(rows, Component.FEES) + account.fees["USDT"]) < CENT
        assert abs(part(rows, Component.FUNDING) - sum((paid.amount for paid in account.funding), D(0))) < CENT
    own = [row for row in rows if not row.hedge]
    began, ended = min(own, key=lambda row: row.day).opening, max(own, key=lambda row: row.day).closing
    assert abs(made(rows) + flows(rows) - (ended.net_value - began.net_value)) < D("1e-9") * ended.net_value
