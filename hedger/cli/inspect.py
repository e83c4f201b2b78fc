"""Commands that look at a hedger from outside: doctor, status, healthcheck."""

from __future__ import annotations

import json as json_module
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from hedger.cli.asked import asked, why_not_alive
from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, settings_of, state_directory
from hedger.cli.told import status_line, status_rows
from hedger.errors import AskAgain, ConfigError, GiveUp
from hedger.runtime.clock import wall_ns
from hedger.runtime.lease import is_held, taken_at

LATE_S = 2.5  # it is written every second
MOST_SILENT_S = 90.0  # more than the longest beat that can be configured


def status(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Again every second, until Ctrl-C.")] = False,
    json: JsonOption = False,
) -> None:
    """Say what the running hedger holds, wants and does; of one that has ended, what it said last.

    Watched on a terminal it is drawn in its place; elsewhere it is one line a second.
    """
    said = said_on(config, state_dir).and_asked()
    if watch:
        _watch(said, json)
    said.tell(json, said.known, [(("status", ""), status_rows(said.known))], whole=True)


def _watch(said: Said, json: bool) -> None:
    """Show it every second until Ctrl-C; raises AskAgain once no hedger runs there."""
    from hedger.cli.show import console, redrawn

    if console.is_terminal and not json:
        with redrawn() as draw:
            while not said.known["stale"]:
                draw(("status", ""), status_rows(said.known))
                time.sleep(1)
                said = said.again().and_asked()
    while not said.known["stale"]:
        print(json_module.dumps(said.known) if json else status_line(said.known), flush=True)
        time.sleep(1)
        said = said.again().and_asked()
    raise said.nobody()


Tables = Sequence[tuple[Sequence[str], Sequence[Sequence[str]]]]


@dataclass(frozen=True, slots=True)
class Said:
    """What the hedger on a state directory said last, and the file that it stands in."""

    path: Path
    known: dict[str, Any]

    def part(self, name: str) -> Any:
        """One part of it; raises GiveUp where an older program said it, which had no such part."""
        if name not in self.known:
            raise GiveUp(f"{self.path}: an older hedger wrote it and did not tell its {name}; start it with this one")
        return self.known[name]

    def again(self) -> Said:
        """What it says now."""
        return Said(self.path, last_status(self.path))

    def and_asked(self) -> Said:
        """The same with what the process itself answers now, where it runs and its file is older than it should be:
        on a full disk the file still says that it hedges."""
        late = not self.known["stale"] and self.known["age_s"] > LATE_S
        port = self.known.get("metrics_port") if late else None
        return Said(self.path, {**self.known, "now": None if port is None else asked(int(port))})

    def nobody(self) -> AskAgain:
        """That no hedger runs there, and how old its last words are."""
        age_s = self.known["age_s"]
        return AskAgain(f"no hedger runs on {self.path.parent.absolute()}; what is shown was said {age_s:.0f} s ago")

    def tell(
        self, json: bool, told: Mapping[str, Any], tables: Tables, *, whole: bool = False, empty: str = ""
    ) -> None:
        """Print it, with when it was said; raises AskAgain after that where no hedger runs there any more.

        `told` is what JSON has, `whole` or beside at, age_s and stale; `empty` is said where no table has a row.
        """
        from hedger.cli.show import print_table

        if json:
            print(json_module.dumps(told if whole else {**{key: self.known[key] for key in ENVELOPE}, **told}))
        else:
            for header, rows in tables:
                print_table(header, rows)
            if empty and not any(rows for _, rows in tables):
                print(empty)
        if self.known["stale"]:
            raise self.nobody()


ENVELOPE = {
    "at": "when it was said, by the hedger's clock",
    "age_s": "how many seconds ago that was",
    "stale": "whether no hedger runs there any more",
}


def said_on(config: Path | None, state_dir: Path | None) -> Said:
    """What the hedger on these options' state directory said last. Raises AskAgain where nothing was ever said."""
    path = state_directory(config, state_dir) / "status.json"
    return Said(path, last_status(path))


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
    if not _is_whole(known):
        raise GiveUp(f"{path} is not what a hedger writes: look at what changed it; a running one replaces it at once")
    return {**known, "age_s": round(max(age_s, 0.0), 1), "stale": not is_held(path.parent)}


def _is_whole(known: Mapping[str, Any]) -> bool:
    """Whether its tables are tables: somebody may have written in it."""
    tables = (known.get("hedges", {}), known.get("accounts", {}))
    lists = (known.get("positions", []), known.get("options", []))
    rows = (row for part in lists if isinstance(part, list) for row in part)
    named = (row for part in tables if isinstance(part, dict) for row in part.values())
    whole = all(isinstance(part, dict) for part in tables) and all(isinstance(part, list) for part in lists)
    return whole and all(isinstance(row, dict) for row in (*rows, *named))


def read_status(path: Path) -> dict[str, Any]:
    """What the hedger that runs there says of itself. Raises AskAgain where none does, or where it says nothing."""
    known = last_status(path)
    if known["stale"]:
        raise _nobody(path)
    if known["age_s"] > MOST_SILENT_S and taken_at(path.parent) > path.stat().st_mtime:
        raise _nobody(path)
    if known["age_s"] > MOST_SILENT_S:
        raise AskAgain(
            f"the hedger on {path.parent} (process {known['pid']}) has said nothing for {known['age_s']:.0f} s: "
            "it hangs; look at its log"
        )
    return known


def _nobody(path: Path) -> AskAgain:
    """That nobody runs there; or that somebody does, of whom there is no word yet, or none that can be read."""
    if is_held(path.parent):
        return AskAgain(
            f"the hedger on {path.parent} has not said anything yet: it is starting, which takes as long as a venue "
            "wants quiet, or its disk takes no file; look at its log"
        )
    return AskAgain(f"no hedger runs on {path.parent}; start one with `hedger paper` or `hedger run`")


VenueOption = Annotated[str | None, typer.Option(help="Say only what is known of a venue, by its name: bybit.")]


def doctor(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    venue: VenueOption = None,
    json: JsonOption = False,
) -> None:
    """Check what a first run gets wrong: files, disk, ports, keys, clock, modes, markets, coins, margin; a row each."""
    if venue is not None:
        _tell_abilities(venue, json)
        return
    from hedger.app.doctor import examine
    from hedger.cli.show import print_table

    overrides = {} if state_dir is None else {"state_dir": str(state_dir)}
    rows = examine(settings_of(config, overrides, to_run=False), config)
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


def healthcheck(config: ConfigOption = None, state_dir: StateDirOption = None, json: JsonOption = False) -> None:
    """Ask the running hedger whether it is alive; for containers."""
    port = read_status(state_directory(config, state_dir) / "status.json").get("metrics_port")
    if port is None:
        raise GiveUp("the running hedger serves no health; set metrics.enabled")
    if (why := why_not_alive(int(port))) is not None:
        raise AskAgain(f"the hedger does not answer on port {port} ({why})")
    if json:
        print(json_module.dumps({"alive": True, "metrics_port": int(port)}))
