"""Commands that look at a hedger from outside: doctor, status, healthcheck."""

from __future__ import annotations

import json as json_module
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import typer

from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, settings_of, state_directory
from hedger.cli.told import status_rows
from hedger.errors import AskAgain, ConfigError, GiveUp
from hedger.runtime.clock import wall_ns
from hedger.runtime.lease import is_held

MOST_SILENT_S = 90.0  # more than the longest beat that can be configured


def status(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Again every second, until Ctrl-C.")] = False,
    json: JsonOption = False,
) -> None:
    """Say what the running hedger holds, wants and does; of one that has ended, what it said last."""
    from hedger.cli.show import print_table

    path = state_directory(config, state_dir) / "status.json"
    while True:
        known = last_status(path)
        if json:
            print(json_module.dumps(known))
        else:
            print_table(("status", ""), status_rows(known))
        if known["stale"]:
            raise AskAgain(
                f"no hedger runs on {path.parent.absolute()}; what is shown was said {known['age_s']:.0f} s ago"
            )
        if not watch:
            return
        time.sleep(1)


def last_status(path: Path) -> dict[str, Any]:
    """What the hedger on that state directory said last, with its age in seconds; `stale` if none runs there now.

    Raises AskAgain where nothing was ever said.
    """
    try:
        known: Any = json_module.loads(path.read_text(encoding="utf-8"))
        age_s = wall_ns() / 1e9 - path.stat().st_mtime
    except PermissionError:
        raise AskAgain(f"{path} belongs to another user; ask as that user") from None
    except (OSError, ValueError):
        raise _nobody(path) from None
    if not isinstance(known, dict) or "pid" not in known:
        raise _nobody(path)
    return {**known, "age_s": round(max(age_s, 0.0), 1), "stale": not is_held(path.parent)}


def read_status(path: Path) -> dict[str, Any]:
    """What the hedger that runs there says of itself. Raises AskAgain where none does, or where it says nothing."""
    known = last_status(path)
    if known["stale"]:
        raise _nobody(path)
    if known["age_s"] > MOST_SILENT_S:
        raise AskAgain(
            f"the hedger on {path.parent} (process {known['pid']}) has said nothing for {known['age_s']:.0f} s: "
            "it hangs; look at its log"
        )
    return known


def _nobody(path: Path) -> AskAgain:
    return AskAgain(f"no hedger runs on {path.parent}; start one with `hedger paper` or `hedger run`")


VenueOption = Annotated[str | None, typer.Option(help="Say only what is known of a venue, by its name: bybit.")]


def doctor(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    venue: VenueOption = None,
    json: JsonOption = False,
) -> None:
    """Check what a first run gets wrong: configuration, disk, port, keys, clock, modes, markets; a row each."""
    if venue is not None:
        _tell_abilities(venue, json)
        return
    from hedger.app.doctor import examine
    from hedger.cli.show import print_table

    overrides = {} if state_dir is None else {"state_dir": str(state_dir)}
    rows = examine(settings_of(config, overrides, to_run=False))
    if json:
        print(json_module.dumps([row._asdict() for row in rows], indent=1))
    else:
        print_table(("", "check", "found", "do"), [(row.mark, row.check, row.found, row.remedy) for row in rows])
    if any(not row.good for row in rows):
        raise ConfigError("some checks failed; the last column says what to do")


def _tell_abilities(venue: str, json: bool) -> None:
    from hedger.app.abilities import abilities_of
    from hedger.cli.show import print_table

    rows = abilities_of(venue)
    if json:
        print(json_module.dumps([row._asdict() for row in rows], indent=1))
    else:
        print_table(("ability", "", "how", "in doubt"), rows)


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
