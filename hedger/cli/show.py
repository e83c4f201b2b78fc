"""What a command prints: summaries and tables, plain when nobody is looking."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from hedger.app.summary import Summary

console = Console(highlight=False, soft_wrap=True)


def print_summary(summary: Summary, *, as_json: bool) -> None:
    """The end of a paper run: JSON for programs, a table for people."""
    if as_json or not console.is_terminal:
        print(summary.to_json())
        return
    good = "[green]hedged[/]" if summary.hedged else "[red]NOT hedged[/]"
    low, high = summary.band
    rows = [
        ("result", f"{good}, {'journal and exchange agree' if summary.truth_matches else '[red]they differ[/]'}"),
        ("net delta, in coins", f"{summary.net_delta:+.5f} in the band {low:+.5f} … {high:+.5f}"),
        ("largest deviation", f"{summary.max_abs_deviation:.5f}"),
        ("time outside the band", f"{summary.seconds_outside_band:.1f} s of {summary.seconds:.0f} s"),
        ("orders, fills", f"{summary.orders_sent} orders, {summary.fills} fills, {summary.taker_fills} as taker"),
        ("fees paid", _usd(summary.fees_usd)),
        ("funding, + is received", _gain(summary.funding_usd)),
        ("against mid at decision", _gain(summary.slippage_usd)),
        ("against mid at the fill", _gain(summary.edge_usd)),
        ("seed, transport", f"{summary.seed}, {summary.transport}"),
    ]
    if len(summary.venues) > 1:
        rows.append(("accounts", ", ".join(f"{account} on {venue}" for account, venue in summary.venues.items())))
    rows += [] if summary.way_out is None else [("waits for you", f"[red]{escape(summary.way_out)}[/]")]
    print_table(("paper run", ""), rows)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on a terminal; tab-separated lines elsewhere."""
    if not console.is_terminal:
        for row in rows:
            print("\t".join(row))
        return
    table = Table(*header, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _gain(value: Decimal) -> str:
    return f"{value:+,.2f} USD"


def _usd(value: Decimal) -> str:
    return f"{value:,.2f} USD"
