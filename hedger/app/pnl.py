"""What the journal says of profit and loss: the rows of the books, grouped, and what else could have been."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any

from hedger.engine.formulas.attribution import Component
from hedger.engine.known.book import DayRow
from hedger.engine.news.benchmarks import Compared, compare
from hedger.errors import ConfigError, GiveUp, JournalError
from hedger.model.numeric import ZERO
from hedger.model.spans import DAY_MS
from hedger.runtime.journal import Journal
from hedger.runtime.kept_books import date_of, day_row

FIELDS = ("day", "account", "hedge", "component", "usd")
FLOWS = "flows"


class By(StrEnum):
    """What a table has one line for each of."""

    DAY = "day"
    ACCOUNT = "account"
    HEDGE = "hedge"
    COMPONENT = "component"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The rows of some days, and what they come to. `moved` is the change of the net value that the rows explain."""

    rows: tuple[DayRow, ...]
    compared: Compared
    made: Decimal
    flows: Decimal
    moved: Decimal
    until_at: int

    @property
    def open(self) -> Decimal:
        """What was read a moment ago and may still turn out to be a flow, or be explained; in dollars."""
        return sum((row.open for row in self.rows), ZERO)

    @property
    def gap(self) -> Decimal:
        """What the parts and the flows miss of the change of the value: rounding, or a journal that has lost rows."""
        return self.moved - self.made - self.flows


def report_of(directory: Path, since: date | None = None, until: date | None = None) -> Report:
    """The books of a journal over some days (UTC, both ends in it); read while the daemon writes.

    Raises GiveUp where nothing was booked in those days, and JournalError.
    """
    with closing(Journal.open(directory, read_only=True)) as journal:
        try:
            rows = tuple(day_row(body) for body in journal.latest("pnl").values())
        except ValueError as problem:
            raise JournalError(f"{directory}: a row of the books cannot be read ({type(problem).__name__})") from None
    first, last = (None if day is None else _day(day) for day in (since, until))
    kept = [row for row in rows if (first is None or row.day >= first) and (last is None or row.day <= last)]
    if not kept:
        raise GiveUp("nothing was booked in that time: the books begin with the first reading of an account")
    kept.sort(key=lambda row: (row.day, row.account, row.hedge))
    return Report(
        rows=tuple(kept),
        compared=compare(kept),
        made=sum((row.made for row in kept), ZERO),
        flows=sum((row.flows for row in kept), ZERO),
        moved=sum((row.closing.net_value - row.opening.net_value for row in kept if not row.hedge), ZERO),
        until_at=max(row.closing.at for row in kept),
    )


def _day(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000) // DAY_MS


def lines(rows: Iterable[DayRow]) -> Iterator[tuple[str, str, str, str, Decimal]]:
    """(day, account, hedge, component, dollars) of everything that is not nothing; `flows` is no profit."""
    for row in rows:
        amounts = [(part.value, row.part(part)) for part in Component]
        for name, amount in (*amounts, (FLOWS, row.flows)):
            if amount:
                yield date_of(row.day), row.account, row.hedge, name, amount


def grouped(rows: Iterable[DayRow], by: By) -> list[tuple[str, Decimal, Decimal]]:
    """(name, profit, flows) for each group; components in the order of the list, everything else by name."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for day, account, hedge, component, amount in lines(rows):
        name = {By.DAY: day, By.ACCOUNT: account, By.HEDGE: hedge, By.COMPONENT: component}[by]
        made, flows = sums.get(name, (ZERO, ZERO))
        sums[name] = (made, flows + amount) if component == FLOWS else (made + amount, flows)
    names = [*(part.value for part in Component), FLOWS] if by is By.COMPONENT else sorted(sums)
    return [(name, *sums[name]) for name in names if name in sums]


def write_csv(path: Path, rows: Iterable[DayRow]) -> int:
    """Write the lines; how many. Raises ConfigError where the file cannot be written."""
    written = list(lines(rows))
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(chain([FIELDS], ((*line[:4], format(line[4], "f")) for line in written)))
    except OSError as problem:
        raise ConfigError(f"{path}: cannot be written ({problem.strerror})") from None
    return len(written)


def write_parquet(path: Path, rows: Iterable[DayRow], module: str = "pyarrow") -> int:
    """The same as Parquet, with dates and with dollars as decimals of twelve places.

    Raises ConfigError where pyarrow is not installed or the file cannot be written.
    """
    try:
        arrow, parquet = importlib.import_module(module), importlib.import_module(f"{module}.parquet")
    except ModuleNotFoundError:
        raise ConfigError("Parquet needs pyarrow: pip install hedger[parquet], or use --csv") from None
    written = list(lines(rows))
    try:
        parquet.write_table(_table(arrow, written), str(path))
    except OSError as problem:
        raise ConfigError(f"{path}: cannot be written ({problem.strerror or problem})") from None
    return len(written)


def _table(arrow: Any, written: Sequence[tuple[str, str, str, str, Decimal]]) -> Any:
    columns: list[Any] = [list(column) for column in zip(*written, strict=True)] or [[] for _ in FIELDS]
    places = Decimal("1e-12")
    arrays = [arrow.array([date.fromisoformat(day) for day in columns[0]], arrow.date32())]
    arrays += [arrow.array(column, arrow.string()) for column in columns[1:4]]
    arrays.append(arrow.array([amount.quantize(places) for amount in columns[4]], arrow.decimal128(38, 12)))
    return arrow.table(dict(zip(FIELDS, arrays, strict=True)))
