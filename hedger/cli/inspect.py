"""Commands that look at a hedger from outside: doctor, status, resume, healthcheck."""

from __future__ import annotations

import json as json_module
import os
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import typer

from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, settings_of, state_directory
from hedger.errors import AskAgain, ConfigError, GiveUp

MOST_SILENT_S = 90.0  # more than the longest beat that can be configured


def status(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Again every second, until Ctrl-C.")] = False,
    json: JsonOption = False,
) -> None:
    """Say what the running hedger holds, wants and does."""
    from hedger.cli.show import print_table

    path = state_directory(config, state_dir) / "status.json"
    while True:
        known = read_status(path)
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


def read_status(path: Path) -> dict[str, Any]:
    """What the hedger that runs there says of itself. Raises AskAgain where none does, or where it says nothing."""
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
    port = read_status(state_directory(config, state_dir) / "status.json").get("metrics_port")
    if port is None:
        raise GiveUp("the running hedger serves no health; set metrics.enabled")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{int(port)}/livez", timeout=5):
            return
    except (urllib.error.URLError, OSError) as problem:
        raise AskAgain(f"the hedger does not answer on port {port} ({type(problem).__name__})") from None
