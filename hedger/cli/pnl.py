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
    since: Annotated[
        str | None,
        typer.Option("--from", help="The first day (UTC), as 2026-01-31; without it, the first of the books."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="The last day (UTC), which is in it too; without it, today.")
    ] = None,
    by: Annotated[str, typer.Option(help="One line for each day, account, hedge or component.")] = "component",
    json: JsonOption = False,
    csv: Annotated[
        Path | None, typer.Option(help="Write every amount, in dollars, to this file as CSV; it is replaced.")
    ] = None,
    parquet: Annotated[Path | None, typer.Option(help="The same as Parquet; needs pyarrow.")] = None,
) -> None:
    """Say what was made and lost, every cent by its name, from the journal: also while the hedger runs.

    All amounts are in dollars. Beside it: what the holding would have made without a hedge, and with its first hedge
    left alone.
    """
    from hedger.app.pnl import report_of, write_csv, write_parquet

    if by not in GROUPS:
        raise ConfigError(f"--by {by}: one of {', '.join(GROUPS)}")
    first, last = _day("--from", since), _day("--to", until)
    if first is not None and last is not None and last < first:
        raise ConfigError(f"--from {first} is after --to {last}: give the earlier day first")
    report = report_of(state_directory(config, state_dir), first, last)
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
        "open_usd": _plain(report.open),
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
        f"The hedged book made {_usd(told.hedged)}. Unhedged it would have made {_usd(told.unhedged)}; hedged once and "
        f"then left alone, {_usd(told.static)}: rebalancing {_brought(told.rebalancing)}.",
    ]
    if round(told.outside, 2):
        said.append(f"{_usd(told.outside)} is the move of what belongs to no hedge, the money above all.")
    if round(report.flows, 2):
        said.append(f"Deposits, withdrawals and transfers came to {_usd(report.flows)}: they are no profit.")
    if round(report.open, 2):
        said.append(
            f"{_usd(report.open)} was read in the last minutes and nobody knows yet whether it is a deposit or a "
            "profit: it is in the total as open, and in no sentence above."
        )
    unpriced = {asset for row in report.rows for asset in row.unpriced}
    if unpriced:
        said.append(f"Fees were also paid in {', '.join(sorted(unpriced))}, of which no price is known.")
    if abs(report.gap) >= Decimal("0.01"):
        said.append(f"The parts miss {_usd(report.gap)} of the change of the value: rows of the journal are gone.")
    return said


def _show(report: Report, by: str) -> None:
    from hedger.app.pnl import By, grouped
    from hedger.cli.show import print_prose, print_table
    from hedger.engine.formulas.attribution import Component
    from hedger.ops.figures import instant

    table = []
    for name, made, flows in grouped(report.rows, By(by)):
        waits = report.open if name == Component.RESIDUAL else Decimal(0)
        table.append((name or "(none)", _usd(made - waits), _usd(flows)))
        table += [("open", _usd(waits), _usd(Decimal(0)))] if round(waits, 2) else []
    table.append(("total", _usd(report.made), _usd(report.flows)))
    print_table((by, "profit", "flows"), table)
    for sentence in sentences(report):
        print_prose(sentence)
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
