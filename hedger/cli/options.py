"""What several commands share: options, settings from them, and how an act that is done is told."""

from __future__ import annotations

import json as json_module
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hedger.errors import ConfigError, HedgerError

if TYPE_CHECKING:
    from hedger.settings.schema import Settings

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="HEDGER_CONFIG", help="The configuration file; without it, paper's own."),
]
StateDirOption = Annotated[
    Path | None,
    typer.Option(help="Where the journal, the lock and the status are kept; without it, what the configuration says."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings_of(config: Path | None, overrides: dict[str, Any], *, to_run: bool = True) -> Settings:
    """The settings of a command: its options are the strongest source."""
    from hedger.settings.load import load_settings

    return load_settings(config, overrides, os.environ, to_run=to_run)


def tell(text: str, json: bool, *, done: bool = True, **more: object) -> None:
    """Say what became of what was asked for; `done`, and what is told `more`, are in the JSON only."""
    print(json_module.dumps({"done": done, "told": text, **more}) if json else text)


def state_directory(config: Path | None, given: Path | None) -> Path:
    """The state directory: the option, or what the settings say; paper keeps its own beneath it."""
    if given is not None:
        from hedger.runtime.lease import has_run

        # What may not be looked into is the one that was named: whoever opens it says why it cannot.
        return given if has_run(given) or not os.path.isdir(given / "paper") else given / "paper"
    from hedger.settings.schema import Mode

    try:
        settings = settings_of(config, {}, to_run=False)
    except HedgerError as problem:
        return _directory_in_spite_of(problem, config)
    directory = Path(settings.state_dir)
    return directory / "paper" if settings.mode is Mode.PAPER else directory


def _directory_in_spite_of(problem: HedgerError, config: Path | None) -> Path:
    """Whoever must kill, or look, does not wait for a file to be mended: a hedger that has run is found all the same.

    Raises the problem where no hedger ever ran in the directory that the file still names, or it names none.
    """
    from hedger.runtime.lease import has_run
    from hedger.settings.head import directory_of_a_broken

    directory = directory_of_a_broken(config, os.environ)
    if directory is None or not has_run(directory):
        raise type(problem)(f"{problem}\n(or name the state directory with --state-dir)") from None
    whose = f"the configuration cannot be used; this is about the hedger in {directory.absolute()}"
    told = (*str(problem).splitlines(), whose)
    sys.stderr.write("".join(f"hedger: {line}\n" for line in told))
    return directory


def moment(option: str, text: str) -> int:
    """A moment as people write it, in ms since 1970; raises ConfigError."""
    try:
        told = datetime.fromisoformat(text)
        return int((told if told.tzinfo is not None else told.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{option} {text}: give a moment as 2026-01-31T12:00, in UTC unless it says otherwise"
        ) from None
