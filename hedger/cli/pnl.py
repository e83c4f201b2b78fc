"""`hedger pnl`: what was made and lost, by day, account, hedge or component, and what else could have been."""

from __future__ import annotations

import json as json_module
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, state_directory
from hedger.errors import ConfigError

if TYPE_CHECKING:
    from hedger.app.pnl import Report

GROUPS = ("day", "account", "hedge", "component")


def pnl(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    since: Annotated[str | None, typer.Option("--from", help="The first day, as 2026-01-31, UTC.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="The last day; without it, today.")] = None,
    by: Annotated[str, typer.Option(help="One line for each day, account, hedge or component.")] = "component",
    json: JsonOption = False,
    csv: Annotated[Path | None, typer.Option(help="Write every amount to this file as CSV.")] = None,
    parquet: Annotated[Path | None, typer.Option(help="Write every amount to this file as Parquet.")] = None,
) -> None:
    """Say what was made and lost, every cent by its name, from the journal: also while the hedger runs.

    Beside it: what the holding would have made without a hedge, and with its first hedge left alone.
    """
    from hedger.app.pnl import report_of, write_csv, write_parquet

    if by not in GROUPS:
        raise ConfigError(f"--by {by}: one of {', '.join(GROUPS)}")
    report = report_of(state_directory(config, state_dir), _day("--from", since), _day("--to", until))
    if csv is not None:
        write_csv(csv, report.rows)
    if parquet is not None:
        write_parquet(parquet, report.rows)
    if json:
        print(json_module.dumps(as_record(report, by)))
    else:
        _show(report, by)


def as_record(report: Report, by: str) -> dict[str, object]:
    """The report as JSON has it: dollars as plain strings."""
    from hedger.app.pnl import By, grouped
    from hedger.ops.figures import iso

    told = report.compared
    groups = [
        {by: name, "pnl_usd": _plain(made), "flows_usd": _plain(flows)}
        for name, made, flows in grouped(report.rows, By(by))
    ]
    return {
        "until": iso(report.until_at),
        "pnl_usd": _plain(report.made),
        "flows_usd": _plain(report.flows),
        "net_value_change_usd": _plain(report.moved),
        "unexplained_usd": _plain(sum((row.unexplained for row in report.rows), Decimal(0))),
        "open_usd": _plain(sum((row.open for row in report.rows), Decimal(0))),
        "hedged_usd": _plain(told.hedged),
        "unhedged_usd": _plain(told.unhedged),
        "static_usd": _plain(told.static),
        "rebalancing_usd": _plain(told.rebalancing),
        "outside_usd": _plain(told.outside),
        f"by_{by}": groups,
    }


def sentences(report: Report) -> list[str]:
    """What it comes to, for people."""
    told = report.compared
    said = [
        f"The hedged book made {_usd(told.hedged)}; unhedged it would have made {_usd(told.unhedged)}, with its first "
        f"hedge left alone {_usd(told.static)}: rebalancing {_brought(told.rebalancing)}.",
        f"{_usd(told.outside)} belongs to no hedge; {_usd(report.flows)} came in from outside and is no profit.",
    ]
    left = sum((row.open for row in report.rows), Decimal(0))
    if round(left, 2):
        said.append(f"{_usd(left)} of the residual was read a moment ago and may still be explained.")
    unpriced = {asset for row in report.rows for asset in row.unpriced}
    if unpriced:
        said.append(f"Fees were also paid in {', '.join(sorted(unpriced))}, of which no price is known.")
    if abs(report.gap) >= Decimal("0.01"):
        said.append(f"The parts miss {_usd(report.gap)} of the change of the value: rows of the journal are gone.")
    return said


def _show(report: Report, by: str) -> None:
    from hedger.app.pnl import By, grouped
    from hedger.cli.show import print_table
    from hedger.ops.figures import instant

    table = [(name or "(none)", _usd(made), _usd(flows)) for name, made, flows in grouped(report.rows, By(by))]
    table.append(("total", _usd(report.made), _usd(report.flows)))
    print_table((by, "profit", "flows"), table)
    for sentence in sentences(report):
        print(sentence)
    print(f"As of {instant(report.until_at)}, in dollars.")


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option} {text}: give a day as 2026-01-31") from None


def _plain(amount: Decimal) -> str:
    return format(amount.quantize(Decimal("0.00000001")) + 0, "f")


def _usd(amount: Decimal) -> str:
    return f"{round(amount, 2) + 0:+,.2f}"


def _brought(amount: Decimal) -> str:
    return f"brought {_usd(amount)}" if amount >= 0 else f"cost {_usd(-amount).lstrip('+')}"
