"""Commands that look at a hedger from outside: doctor, status, explain, resume, healthcheck."""

from __future__ import annotations

import json as json_module
import os
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import typer

from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, settings_of
from hedger.errors import AskAgain, ConfigError, GiveUp, HedgerError

MOST_SILENT_S = 90.0  # more than the longest beat that can be configured


def status(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Again every second, until Ctrl-C.")] = False,
    json: JsonOption = False,
) -> None:
    """Say what the running hedger holds, wants and does."""
    from hedger.cli.show import print_table

    path = _state_directory(config, state_dir) / "status.json"
    while True:
        known = _read_status(path)
        if json:
            print(json_module.dumps(known))
        else:
            head = [(key, str(known[key])) for key in ("at", "kind", "mode", "halted", "pid", "metrics_port")]
            hedges = [
                (f"{name}.{key}", str(value)) for name, hedge in known["hedges"].items() for key, value in hedge.items()
            ]
            print_table(("status", ""), head + hedges)
        if not watch:
            return
        time.sleep(1)


def _read_status(path: Path) -> dict[str, Any]:
    from hedger.runtime.clock import SystemClock

    try:
        known: dict[str, Any] = json_module.loads(path.read_text(encoding="utf-8"))
        silent_s = SystemClock().now_ms() / 1000 - path.stat().st_mtime
        os.kill(int(known["pid"]), 0)
    except PermissionError:
        raise AskAgain(f"{path} belongs to another user; ask as that user") from None
    except (OSError, ValueError, KeyError):
        raise AskAgain(f"no hedger runs on {path.parent}; start one with `hedger paper` or `hedger run`") from None
    if silent_s > MOST_SILENT_S:
        raise AskAgain(
            f"the hedger on {path.parent} (process {known['pid']}) has said nothing for {silent_s:.0f} s: "
            "it hangs, or another program has its number; look at its log"
        )
    return known


def explain(
    decision: Annotated[int, typer.Argument(min=1, help="The number of a decision, as the log and the view show it.")],
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    json: JsonOption = False,
) -> None:
    """Tell why a decision was made, from the journal: the facts, the band, the target and the order."""
    from hedger.ops.explain import explain as tell
    from hedger.runtime.journal import Journal

    journal = Journal.open(_state_directory(config, state_dir), read_only=True)
    bodies = [body for _, _, body in journal.rows("decision", str(decision))]
    journal.close()
    if not bodies:
        raise GiveUp(f"there is no decision {decision} in this journal; the view and the log show their numbers")
    print(bodies[-1] if json else tell(json_module.loads(bodies[-1])))


def resume(
    reason: Annotated[str, typer.Option(help="Why it may go on, for the journal.")],
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
) -> None:
    """Lift a latched halt, with a reason. Stop the hedger first; start it again afterwards."""
    from hedger.app.resume import lift_halt

    print(f"the halt is lifted ({lift_halt(_state_directory(config, state_dir), reason)}); start the hedger again")


def doctor(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Check what a first run gets wrong: configuration, disk, port, keys, clock, modes, markets; a row each."""
    from hedger.app.doctor import examine
    from hedger.cli.show import print_table

    rows = examine(settings_of(config, {}, to_run=False))
    if json:
        print(json_module.dumps([row._asdict() for row in rows], indent=1))
    else:
        print_table(("", "check", "found", "do"), [(row.mark, row.check, row.found, row.remedy) for row in rows])
    if any(not row.good for row in rows):
        raise ConfigError("some checks failed; the last column says what to do")


def healthcheck(config: ConfigOption = None, state_dir: StateDirOption = None) -> None:
    """Ask the running hedger whether it is alive; for containers."""
    port = _read_status(_state_directory(config, state_dir) / "status.json").get("metrics_port")
    if port is None:
        raise GiveUp("the running hedger serves no health; set metrics.enabled")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{int(port)}/livez", timeout=5):
            return
    except (urllib.error.URLError, OSError) as problem:
        raise AskAgain(f"the hedger does not answer on port {port} ({type(problem).__name__})") from None


def _state_directory(config: Path | None, given: Path | None) -> Path:
    """The state directory: the option, or what the settings say; paper keeps its own beneath it."""
    if given is not None:
        own = any((given / name).exists() for name in ("journal.sqlite3", "status.json"))
        return given if own or not (given / "paper").is_dir() else given / "paper"
    from hedger.settings.schema import Mode

    try:
        settings = settings_of(config, {}, to_run=False)
    except HedgerError as problem:
        raise type(problem)(f"{problem}\n(or name the state directory with --state-dir)") from None
    directory = Path(settings.state_dir)
    return directory / "paper" if settings.mode is Mode.PAPER else directory
