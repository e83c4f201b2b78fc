"""What a command prints: summaries, tables and progress, plain when nobody is looking."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from hedger.app.summary import Summary

console = Console(highlight=False, soft_wrap=True)


def print_summary(summary: Summary, *, as_json: bool) -> None:
    """The end of a paper run: JSON for programs, a table for people."""
    if as_json or not console.is_terminal:
        print(summary.to_json())
        return
    good = "[green]hedged[/]" if summary.hedged else "[red]NOT hedged[/]"
    agree = "journal and exchange agree" if summary.truth_matches else "[red]they differ[/]"
    low, high = summary.band
    rows: list[tuple[str, str | Text]] = [
        ("result", _styled(f"{good}, {agree}")),
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
    rows += [] if summary.way_out is None else [("waits for you", _styled(f"[red]{escape(summary.way_out)}[/]"))]
    print_table(("paper run", ""), rows)


def print_prose(text: str) -> None:
    """Lines for people, which a narrow terminal does not break within a word."""
    print(flowed(text, console.width) if console.is_terminal else text)


def flowed(text: str, width: int) -> str:
    """Lines of at most a width where words allow it; what goes on stands under the text of its own line."""
    lines = []
    for line in text.splitlines():
        label = re.match(r"\S+\s{2,}|\s*", line)
        hang = " " * len(label.group() if label else "")
        lines += (
            [line]
            if len(line) <= width
            else textwrap.wrap(line, width, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)
        )
    return "\n".join(lines)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    """A table on a terminal; tab-separated lines without a header elsewhere. No text is taken for rich's markup.

    On a terminal that is too narrow for its columns each row is a list of its own: an id that is cut is of no use.
    """
    if console.is_terminal and not rows:
        return
    if console.is_terminal:
        table = table_of(header, rows)
        parts = [table] if len(header) <= 2 or _fits(table) else [_listed(header, row) for row in rows]
        console.print(*parts, sep="\n")
        return
    for row in rows:
        print("\t".join(str(cell) for cell in row))


def table_of(header: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> Table:
    """A table for a terminal."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in header:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return table


def _fits(table: Table) -> bool:
    """Whether no word of it need be broken."""
    return console.measure(table, options=console.options.update(width=10_000)).minimum <= console.width


def _listed(header: Sequence[str], row: Sequence[str | Text]) -> Table:
    """A row as a list: what each column is called, and what stands there."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for title, cell in zip(header, row, strict=True):
        if str(cell):
            table.add_row(Text(title), Text(cell) if isinstance(cell, str) else cell)
    table.add_row("", "")
    return table


@contextmanager
def redrawn() -> Iterator[Callable[[Sequence[str], Sequence[Sequence[str | Text]]], None]]:
    """A table that is drawn again in its place on a terminal, and stays as it was last."""
    from rich.live import Live

    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:

        def draw(header: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
            live.update(table_of(header, rows), refresh=True)

        yield draw


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal of standard error that is told how much more was done; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(what), total=total)
        yield lambda done: bar.advance(task, done)


def _styled(markup: str) -> Text:
    return Text.from_markup(markup)


def _gain(value: Decimal) -> str:
    return f"{value:+,.2f} USD"


def _usd(value: Decimal) -> str:
    return f"{value:,.2f} USD"
