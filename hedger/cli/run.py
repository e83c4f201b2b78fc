"""`hedger run` and `hedger record`: the hedger, or only a recorder, on a real venue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hedger.cli.options import ConfigOption, StateDirOption, settings_of
from hedger.errors import ConfigError


def run(
    config: ConfigOption = None,
    live: Annotated[bool, typer.Option("--live", help="The second switch that live trading needs.")] = False,
    state_dir: StateDirOption = None,
    view: Annotated[bool, typer.Option("--view/--no-view", help="Draw the live view on a terminal.")] = True,
) -> None:
    """Hedge for real: shadow, testnet or live, as the configuration's mode says."""
    from hedger.settings.schema import Mode

    if config is None:
        raise ConfigError("hedger run needs --config FILE; to try the hedger without one, use `hedger paper`")
    overrides = {"live_armed": True if live else None, "state_dir": None if state_dir is None else str(state_dir)}
    settings = settings_of(config, overrides)
    if settings.mode is Mode.PAPER:
        raise ConfigError(f"mode is paper in {config}: use `hedger paper --config {config}`")
    from hedger.app.live import run_live

    run_live(settings, view=view)


def record(
    directory: Annotated[Path, typer.Argument(help="Where the recorded streams go.")],
    symbol: Annotated[str, typer.Option(help="The coin pair, as in BTC/USDT.")] = "BTC/USDT",
    seconds: Annotated[float, typer.Option(min=1, help="How long to record.")] = 300.0,
) -> None:
    """Record a venue's public spot and futures streams, for `hedger paper --replay`."""
    from hedger.app.recording import record_streams

    path = record_streams(directory, symbol=symbol, seconds=seconds)
    print(f"recorded into {path}")
