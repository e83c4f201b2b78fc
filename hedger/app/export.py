"""What the journal holds as a file for other programs, CSV or Parquet: whole or not at all."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from hedger.app.pnl import lines, report_of
from hedger.app.records import TABLES, Column, Unit, records, rows_in
from hedger.app.whole_file import whole_file
from hedger.errors import ConfigError
from hedger.model.numeric import plain

FORMATS = ("csv", "parquet")
PNL = (
    Column("day", Unit.TEXT, "the UTC day"),
    Column("account", Unit.TEXT, "the account by its name"),
    Column("hedge", Unit.TEXT, "the hedge by its name; empty is what belongs to none"),
    Column("component", Unit.TEXT, "where the money came from; `flows` is no profit (docs/attribution.md)"),
    Column("usd", Unit.AMOUNT, "dollars"),
)
COLUMNS: dict[str, tuple[Column, ...]] = {**{name: table.columns for name, table in TABLES.items()}, "pnl": PNL}
BATCH = 5_000
PLACES = Decimal("1e-12")

Heard = Callable[[int], None]


def rows_of(directory: Path, what: str) -> int:
    """How many rows of the journal an export looks at, for its progress. Raises JournalError."""
    return rows_in(directory, what) if what in TABLES else 0


def export(
    directory: Path,
    path: Path,
    *,
    form: str,
    what: str,
    since_at: int = 0,
    replace: bool = False,
    told: Heard = lambda _: None,
) -> int:
    """Write the records of a kind to a file and return how many.

    Raises ConfigError where the file cannot be written, is there and not to be replaced, or Parquet is not installed;
    GiveUp where profit and loss was never booked; JournalError.
    """
    write = _write_csv if form == "csv" else _parquet_writer()
    with whole_file(path, replace=replace) as draft:
        return write(draft, COLUMNS[what], _records(directory, what, since_at, told))


def _records(directory: Path, what: str, since_at: int, told: Heard) -> Iterable[dict[str, Any]]:
    if what in TABLES:
        return records(directory, what, since_at=since_at, told=told)
    since = None if not since_at else _day_of(since_at)
    found = lines(report_of(directory, since).rows)
    return (dict(zip(("day", "account", "hedge", "component", "usd"), line, strict=True)) for line in found)


def _day_of(at: int) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + at // 86_400_000)


def _write_csv(path: Path, columns: tuple[Column, ...], rows: Iterable[dict[str, Any]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.name for column in columns])
        for row in rows:
            writer.writerow([_cell(column, row[column.name]) for column in columns])
            count += 1
    return count


def _cell(column: Column, value: Any) -> Any:
    """A value as CSV has it: nothing where it is not known, plain digits, and no text that a spreadsheet computes."""
    if value is None:
        return ""
    match column.unit:
        case Unit.AMOUNT:
            return plain(Decimal(value))
        case Unit.SWITCH:
            return "true" if value else "false"
        case Unit.TEXT if str(value)[:1] in ("=", "+", "-", "@", "\t", "\r"):
            return f"'{value}"
        case _:
            return value


# --- Parquet ----------------------------------------------------------------------------------------------------------


def _parquet_writer(module: str = "pyarrow") -> Callable[[Path, tuple[Column, ...], Iterable[dict[str, Any]]], int]:
    try:
        arrow, parquet = importlib.import_module(module), importlib.import_module(f"{module}.parquet")
    except ModuleNotFoundError:
        raise ConfigError("Parquet needs pyarrow: pip install hedger[parquet], or export csv") from None

    def write(path: Path, columns: tuple[Column, ...], rows: Iterable[dict[str, Any]]) -> int:
        schema, count = arrow.schema([(column.name, _type(arrow, column)) for column in columns]), 0
        with parquet.ParquetWriter(str(path), schema) as writer:
            for batch in _batches(rows):
                made = {column.name: [_typed(column, row[column.name]) for row in batch] for column in columns}
                writer.write_table(arrow.table(made, schema=schema))
                count += len(batch)
        return count

    return write


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch


def _type(arrow: Any, column: Column) -> Any:
    types = {
        Unit.TEXT: arrow.string(),
        Unit.AMOUNT: arrow.decimal128(38, 12),
        Unit.MOMENT: arrow.timestamp("ms", tz="UTC"),
        Unit.WHOLE: arrow.int64(),
        Unit.SWITCH: arrow.bool_(),
    }
    return types[column.unit]


def _typed(column: Column, value: Any) -> Any:
    """A value in the column's own type; amounts with twelve places."""
    if value is None:
        return None
    match column.unit:
        case Unit.AMOUNT:
            return Decimal(value).quantize(PLACES)
        case Unit.MOMENT:
            return datetime.fromisoformat(value)
        case _:
            return value
