"""`hedger flatten`: the plan, a phrase that a person types, and the way to flat, which the hedger goes by itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hedger.cli.inspect import read_status
from hedger.cli.operate import ReasonOption, ask_through, await_status, progress
from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, state_directory, tell
from hedger.errors import AskAgain, ConfigError, GiveUp
from hedger.runtime.kill import printable
from hedger.runtime.requests import Ask, Mailbox, Request

Status = dict[str, Any]
AFTERWARDS = "it stays paused until `hedger unpause --reason …`, which lets it HEDGE AGAIN"


def flatten(
    reason: ReasonOption,
    hedges: Annotated[list[str] | None, typer.Argument(help="The hedges, by name.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every hedge; the whole program is paused.")] = False,
    yes: Annotated[str, typer.Option("--yes", help="The phrase, where nobody can be asked for it.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and ask for nothing.")] = False,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    json: JsonOption = False,
    wait: Annotated[float, typer.Option(min=0, max=86_400, help="How many seconds to wait until it is flat.")] = 600.0,
) -> None:
    """Bring the positions of hedges to zero and stay paused: it shows the plan, asks for a phrase, and waits for flat.

    Only reduce-only, post-only orders leave; spot is never sold, options stay. It goes on when this command ends, and
    over restarts, until `hedger unpause`; `hedger pause` holds it.
    """
    directory = state_directory(config, state_dir)
    known = read_status(directory / "status.json")
    plan = _plan(known, tuple(dict.fromkeys(hedges or ())), everything=everything)
    if not json:
        for name, part in plan["hedges"].items():
            print(f"{name}:")
            for line in part["words"]:
                print(f"  {printable(line)}")
    if known["halted"] is not None:
        halted = printable(str(known["halted"]))
        way = "`hedger pause`, then `hedger resume`, then flatten"
        raise GiveUp(f"it is halted ({halted}), and a halt outranks a flatten, so that nothing is sent: {way}")
    if dry_run:
        _end(plan, json, f"nothing was asked; the phrase would be `{plan['phrase']}`", asked=False)
        return
    _agree(plan["phrase"], yes, silent=json)
    subject = "" if everything else ",".join(plan["hedges"])
    request = Request(ask=Ask.FLATTEN, reason=reason, subject=subject, shown=plan["shown"])
    if flaw := request.flaw():
        raise GiveUp(f"nothing was asked: {flaw}")
    answer = ask_through(Mailbox(directory), request, min(wait, 30.0) or 1.0)
    progress("")
    if not answer.done:
        raise GiveUp(f"refused: {printable(answer.why)}")
    _follow(directory, known, plan, wait, json)


def _plan(known: Status, names: tuple[str, ...], *, everything: bool) -> dict[str, Any]:
    """The plan of these hedges, as the running hedger tells it. Raises ConfigError without any, GiveUp for unknown."""
    if everything is bool(names):
        raise ConfigError("name the hedges to flatten, or say --all; `hedger status` shows them")
    told = known.get("flatten")
    if told is None:
        raise GiveUp("an older hedger runs there, which cannot flatten; start it with this one")
    parts = told["plan"]["hedges"]
    if missing := [name for name in names if name not in parts]:
        raise GiveUp(f"there is no hedge {printable(', '.join(missing))}; there are {', '.join(parts)}")
    chosen = {name: part for name, part in parts.items() if everything or name in names}
    phrase = told["plan"]["phrase"] if everything else f"flatten {' '.join(chosen)}"
    return {"hedges": chosen, "phrase": phrase, "shown": ";".join(part["shown"] for part in chosen.values())}


def _agree(phrase: str, given: str, *, silent: bool) -> None:
    """Whoever asks has said the phrase. Raises ConfigError, and nothing was asked, where they have not."""
    if not given and not silent and sys.stdin.isatty() and sys.stderr.isatty():
        sys.stderr.write(f"type `{phrase}` to agree: ")
        sys.stderr.flush()
        given = sys.stdin.readline()
    if given.strip() != phrase:
        raise ConfigError(
            f"nothing was asked: it needs the phrase, --yes '{phrase}'"
            + (f", and not `{printable(given.strip())}`" if given.strip() else "")
        )


def _follow(directory: Path, before: Status, plan: dict[str, Any], wait: float, json: bool) -> None:
    """Wait until it is flat. Raises AskAgain where it is not in time, with what remains: it goes on by itself."""
    names = tuple(plan["hedges"])
    if before["mode"] == "shadow":
        _end(plan, json, "it is latched; in shadow nothing is sent, and the decisions say what would be", asked=True)
        return
    try:
        known = await_status(
            directory,
            lambda status: _is_over(status, names),
            wait,
            "asked; waiting until it is flat",
            lambda status: f": {'; '.join(_left(status, names))}",
        )
    except AskAgain as late:
        left = "; ".join(_left(read_status(directory / "status.json"), names))
        raise AskAgain(f"the flatten is latched and goes on by itself, and is not done: {left} ({late})") from None
    if not _are_flat(known, names):
        raise AskAgain(
            f"the flatten does not go on now: {printable(str(known['way_out']))}; {'; '.join(_left(known, names))}"
        )
    told = f"flat: {', '.join(names)}; {AFTERWARDS}"
    _end(plan, json, "\n  ".join((told, *_remains(known, names))), asked=True, flat=True)


def _is_over(status: Status, names: tuple[str, ...]) -> bool:
    """Whether there is nothing to wait for: it is flat, or somebody stopped it."""
    latched = status["flatten"]["latched"]
    if status["halted"] is not None:
        return True
    return all(name in latched and latched[name]["state"] != "works" for name in names)


def _are_flat(status: Status, names: tuple[str, ...]) -> bool:
    latched = status["flatten"]["latched"]
    return all(name in latched and latched[name]["state"] == "flat" for name in names)


def _left(status: Status, names: tuple[str, ...]) -> list[str]:
    """What is still held, and what it waits for."""
    told = []
    for name in names:
        part, hedge = status["flatten"]["plan"]["hedges"][name], status["hedges"][name]
        held = [f"{leg['position']} of {leg['instrument']}" for leg in part["legs"] if leg["position"] != "0"]
        told.append(f"{name}: {', '.join(held) or 'nothing is held'}, {hedge['last_decision']}")
    return told


def _remains(status: Status, names: tuple[str, ...]) -> list[str]:
    """What stays although it is flat: less than the venue takes, coins, options."""
    parts = (status["flatten"]["plan"]["hedges"][name] for name in names)
    return [line for part in parts for line in part["words"] if "remains" in line or "not touched" in line]


def _end(plan: dict[str, Any], json: bool, told: str, *, asked: bool, flat: bool = False) -> None:
    tell(told, json, done=asked, **plan, asked=asked, flat=flat)
