"""`hedger paper`: the hedger against the exchange that runs on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hedger.cli.gamma import YesOption, say_before_start
from hedger.cli.options import ConfigOption, StateDirOption, settings_of
from hedger.errors import ConfigError, NotHedged


def paper(
    config: ConfigOption = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=1, help="End after so many simulated seconds; else at a replay's end, or by Ctrl-C."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The seed of the market and the deposits.")] = None,
    speed: Annotated[
        str | None, typer.Option(help="How fast time runs: 1, 10, … through the wire, or `max` on virtual time.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(help="Hedge on the recorded streams in this directory instead of a synthetic market.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the summary as one line of JSON, and nothing else.")
    ] = False,
    state_dir: StateDirOption = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="The port of /metrics and health; 0 chooses a free one.")
    ] = None,
    yes: YesOption = False,
) -> None:
    """Hedge a paper portfolio on the embedded exchange, and judge the end against the exchange's own truth.

    Each venue of the accounts is an exchange of its own, all with one price. The daemon reaches them through the wire
    where the exchange speaks as each of them does, of all that is hedged with; else at the port, and says why.

    Exits with 7 if a fill was a taker's, it halted, or the journal and the exchange differ; and, where the run had a
    length and was not stopped by a person in the middle of something, if the book is not hedged at the end.
    """
    from hedger.app.transport import why_at_port, why_not_recorded
    from hedger.cli.show import print_summary
    from hedger.settings.schema import Mode
    from hedger.settings.target_rules import is_relative

    fastest = speed == "max"
    overrides: dict[str, Any] = {
        "mode": Mode.PAPER.value if config is None else None,
        "paper.seed": seed,
        "paper.speed": None if fastest else _speed(speed),
        "paper.duration_s": seconds,
        "state_dir": None if state_dir is None else str(state_dir),
    }
    declared = settings_of(config, overrides, to_run=False)
    if declared.mode is not Mode.PAPER:
        raise ConfigError(
            f"mode is {declared.mode.value} in {config}: `hedger paper` needs paper, `hedger run` runs it"
        )
    settings = settings_of(config, overrides)
    say_before_start(settings, yes=yes)
    length = None if settings.paper.duration_s is None else float(settings.paper.duration_s)
    if replay is not None:
        if (against := why_not_recorded(settings)) is not None:
            raise ConfigError(against)
        if any(is_relative(hedge.target) for hedge in settings.hedges.values()):
            raise ConfigError("--replay starts at a recorded price: write each target's strike as a price, not a share")
        from hedger.app.recording import replay_seconds

        length = replay_seconds(replay, length)
    if fastest:
        from hedger.app.paper import run_at_port

        if length is None:
            raise ConfigError("--speed max needs --seconds: on virtual time there is no moment to press Ctrl-C")
        summary = run_at_port(settings, seconds=length, replay=replay, directory=state_dir, json=json)
    elif (why := why_at_port(settings)) is not None:
        from hedger.app.paper import run_at_port_live

        print(f"at the port: {why}", file=sys.stderr)
        summary = run_at_port_live(settings, why=why, seconds=length, json=json, metrics_port=metrics_port)
    else:
        from hedger.app.wire import run_through_wire

        summary = run_through_wire(
            settings, config=config, seconds=length, replay=replay, json=json, metrics_port=metrics_port
        )
    print_summary(summary, as_json=json)
    if not summary.sound or (length is not None and not summary.hedged):
        raise NotHedged(summary.verdict)


def _speed(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        fits = 0 < float(text) <= 100
    except ValueError:
        fits = False
    if not fits:
        raise ConfigError(f"--speed {text}: give a number up to 100, or `max` for virtual time")
    return text


def exchange(
    directory: Annotated[Path, typer.Option(help="Where the exchange says how it is reached.")],
    config: ConfigOption = None,
    replay: Annotated[Path | None, typer.Option(help="Recorded streams to play.")] = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    speed: Annotated[float, typer.Option(min=0.01, max=100)] = 1.0,
    linger: Annotated[float, typer.Option(min=0, help="Seconds to go on after whoever started it is gone.")] = 120.0,
) -> None:
    """Run the embedded exchange as a process of its own: `hedger paper` starts it for itself."""
    from hedger.app.exchange import serve

    settings = settings_of(config, {"paper.seed": seed}, to_run=False)  # it is given no keys
    serve(settings, directory=directory, replay=replay, speed=speed, linger_s=linger)
