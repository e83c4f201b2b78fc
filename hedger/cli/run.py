"""`hedger run` and `hedger record`: the hedger, or only a recorder, on a real venue."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hedger.cli.gamma import YesOption, say_before_start
from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, settings_of, tell
from hedger.errors import ConfigError


def run(
    config: ConfigOption = None,
    live: Annotated[bool, typer.Option("--live", help="The second switch that live trading needs.")] = False,
    state_dir: StateDirOption = None,
    view: Annotated[bool, typer.Option("--view/--no-view", help="Draw the live view on a terminal.")] = True,
    yes: YesOption = False,
) -> None:
    """Hedge for real: shadow, testnet or live, as the configuration's mode says."""
    from hedger.settings.schema import Mode

    if config is None:
        raise ConfigError("hedger run needs --config FILE; to try the hedger without one, use `hedger paper`")
    overrides = {"live_armed": True if live else None, "state_dir": None if state_dir is None else str(state_dir)}
    settings = settings_of(config, overrides)
    if settings.mode is Mode.PAPER:
        raise ConfigError(f"mode is paper in {config}: use `hedger paper --config {config}`")
    say_before_start(settings, yes=yes)
    from hedger.app.live import run_live

    run_live(settings, view=view)


def record(
    directory: Annotated[Path, typer.Argument(help="Where the recorded streams go.")],
    symbol: Annotated[str, typer.Option(help="The coin pair, as in BTC/USDT.")] = "BTC/USDT",
    seconds: Annotated[float, typer.Option(min=1, help="How long to record; Ctrl-C ends it earlier.")] = 300.0,
    paper: Annotated[
        Path | None,
        typer.Option(help="Record the exchange of the `hedger paper` that runs with this --state-dir, not Binance."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Record Binance's public spot and futures streams, for `hedger paper --replay`. No keys are needed."""
    from hedger.app.recording import record_streams

    line = _ProgressLine(seconds)
    try:
        recorded = record_streams(directory, symbol=symbol, seconds=seconds, paper=paper, tell=line.show)
    finally:
        line.clear()
    tell(f"recorded {recorded.frames:,} messages in {recorded.seconds:.0f} s into {directory}", json)


class _ProgressLine:
    """One line of a terminal, drawn again and again; nothing where nobody looks."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._on_terminal = sys.stderr.isatty()

    def show(self, frames: int, seconds: float) -> None:
        """Draw how far it has come."""
        self._write(f"{seconds:,.0f} of {self._seconds:,.0f} s, {frames:,} messages")

    def clear(self) -> None:
        """Take the line away."""
        self._write("")

    def _write(self, text: str) -> None:
        if self._on_terminal:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
