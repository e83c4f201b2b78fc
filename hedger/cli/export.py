"""`hedger export`: what the journal holds, as a file for other programs."""

from __future__ import annotations

import json as json_module
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, moment, state_directory
from hedger.cli.traded import SinceOption
from hedger.errors import ConfigError

WHAT = ("fills", "orders", "decisions", "funding", "pnl")
FORMATS = ("csv", "parquet")
LONG = 2_000  # rows from which on somebody waits


def export(
    form: Annotated[str, typer.Argument(metavar="FORMAT", help="csv or parquet.", autocompletion=lambda: FORMATS)],
    what: Annotated[
        str,
        typer.Argument(metavar="WHAT", help="fills, orders, decisions, funding or pnl.", autocompletion=lambda: WHAT),
    ],
    file: Annotated[Path | None, typer.Argument(help="The file; without it, WHAT.FORMAT in this directory.")] = None,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    since: SinceOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a file that is there already.")] = False,
    json: JsonOption = False,
) -> None:
    """Write fills, orders, decisions, funding or profit and loss from the journal to a file, also while it runs.

    The file appears whole or not at all. Amounts have all their digits in CSV, and twelve places in Parquet.
    """
    from hedger.app.export import export as write
    from hedger.app.export import rows_of
    from hedger.cli.show import progress

    _one_of("FORMAT", form, FORMATS)
    _one_of("WHAT", what, WHAT)
    since_at = 0 if since is None else moment("--since", since)
    directory, path = state_directory(config, state_dir), file or Path(f"{what}.{form}")
    total = rows_of(directory, what)
    waited_for = progress(f"{what} to {path}", total) if total >= LONG else nullcontext(_unheard)
    with waited_for as told:
        count = write(directory, path, form=form, what=what, since_at=since_at, replace=replace, told=told)
    print(
        json_module.dumps({"file": str(path), "rows": count}) if json else f"{count:,} rows of {what} written to {path}"
    )


def _unheard(_: int) -> None:
    """Nobody waits long enough to be told."""


def _one_of(name: str, given: str, known: tuple[str, ...]) -> None:
    from difflib import get_close_matches

    if given not in known:
        near = get_close_matches(given, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else f": one of {', '.join(known)}"
        raise ConfigError(f"{name} {given}: there is no such thing{hint}")
