"""The command that tells what funding was received and paid, and what is expected."""

from __future__ import annotations

import csv as csv_module
import json as json_module
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hedger.cli.inspect import last_status
from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, state_directory
from hedger.errors import AskAgain, ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from hedger.app.funding import FundingReport

COLUMNS = ("day", "instrument", "asset", "payments", "word", "amount", "value", "yearly")


def funding(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="So many days back from the newest payment.")] = 30,
    json: JsonOption = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print the payments by day as CSV.")] = False,
) -> None:
    """Tell the funding received and paid by day and instrument, what it was a year, and what is expected next.

    Rates are a year's. Of past payments, a positive one was received by the hedge; last, next and expected rates are
    what longs pay shorts. In CSV and JSON `amount` is in `asset`, `value` in quote, and `yearly` a ratio: 0.1 is 10 %.
    """
    from hedger.app.funding import funding_report

    if json and csv:
        raise ConfigError("give --json or --csv, not both")
    directory = state_directory(config, state_dir)
    report = funding_report(directory, days=days, status=_said(directory))
    if csv:
        writer = csv_module.DictWriter(sys.stdout, COLUMNS)
        writer.writeheader()
        writer.writerows(row.as_record() for row in report.days)
    elif json:
        print(json_module.dumps(_record(report)))
    else:
        _show(report)


def _said(directory: Path) -> dict[str, Any] | None:
    """What the hedger said last; nothing where it never ran so far."""
    try:
        return last_status(directory / "status.json")
    except AskAgain:
        return None


def _record(report: FundingReport) -> dict[str, Any]:
    days, sums = ([row.as_record() for row in rows] for rows in (report.days, report.sums))
    return {"days": days, "sums": sums, "outlook": dict(report.outlook)}


def _show(report: FundingReport) -> None:
    from hedger.app.funding import outlook_rows
    from hedger.cli.show import print_table

    if not report.days:
        print("no funding has been received or paid yet")
    else:
        rows = [row.as_row() for row in (*report.days, *report.sums)]
        print_table(("day", "instrument", "payments", "funding", "rate to the hedge"), rows)
    if report.outlook:
        print_table(("rates a year, longs pay if above 0", ""), outlook_rows(report))
