"""Options that several commands share, and settings from them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hedger.settings.schema import Settings

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="HEDGER_CONFIG", help="The configuration file; without it, paper's own."),
]
StateDirOption = Annotated[
    Path | None, typer.Option(help="Where the journal, the lock and the status are kept; `state` if not set.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings_of(config: Path | None, overrides: dict[str, Any], *, to_run: bool = True) -> Settings:
    """The settings of a command: its options are the strongest source."""
    from hedger.settings.load import load_settings

    return load_settings(config, overrides, os.environ, to_run=to_run)
