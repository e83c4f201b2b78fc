"""`hedger reload`: what the file would change and do at once, asked about, and put in force by the running hedger."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hedger.cli.inspect import read_status
from hedger.cli.operate import ask_through, progress
from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, state_directory, tell
from hedger.errors import ConfigError
from hedger.runtime.kill import printable
from hedger.runtime.requests import ONLY_PLAN, Answer, Ask, Mailbox, Request

ReasonOption = Annotated[str, typer.Option(help="Why, for the journal.")]
WaitOption = Annotated[float, typer.Option(min=0, max=600, help="How many seconds to wait for an answer.")]
HEADER = ("setting", "was", "will be", "takes effect")


def reload(
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    reason: ReasonOption = "hedger reload",
    yes: Annotated[bool, typer.Option("--yes", help="Agree to what is shown, without being asked.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it and change nothing.")] = False,
    json: JsonOption = False,
    wait: WaitOption = 30.0,
) -> None:
    """Have the running hedger read its configuration again: it shows what differs and what that does at once, and puts
    it in force whole between two events, or refuses it whole.

    Where nobody can be asked, what is more than a reload does without a person's word needs --yes.
    """
    directory = running(config, state_dir)
    plan = planned(directory, reason, wait)
    if not json:
        show(plan)
    if plan["refusals"]:
        refused = f"refused, and nothing was changed: {'; '.join(map(printable, plan['refusals']))}"
        _end(plan, json, refused, applied=False)
        raise ConfigError(refused)
    if dry_run or not plan["changes"] or not _agreed(plan, yes=yes, silent=json):
        _end(plan, json, "nothing was changed", applied=False)
        return
    seen = yes or _may_ask(silent=json)
    answer = _ask(directory, Request(ask=Ask.RELOAD, reason=reason, shown=plan["digest"] if seen else ""), wait)
    told = f"in force: {printable(answer.why)}"
    _end(plan, json, told, applied=True)
    if not json:
        print(told)


def running(config: Path | None, state_dir: Path | None) -> Path:
    """The state directory of the hedger that runs there. Raises AskAgain where none does, and ConfigError where it was
    started with another file than the one that is named."""
    directory = state_directory(config, state_dir)
    configured = read_status(directory / "status.json").get("configuration") or {}
    told = configured.get("path")
    if config is not None and told != str(config.absolute()) and not _is_same(config, told):
        began = "without a configuration file" if told is None else f"with {printable(str(told))}"
        raise ConfigError(f"the hedger on {directory} was started {began}, and reads that again, not {config}")
    return directory


def planned(directory: Path, reason: str, wait: float) -> dict[str, Any]:
    """What the running hedger says that a reload would come to. Raises ConfigError where its file cannot be used."""
    return dict(_ask(directory, Request(ask=Ask.RELOAD, reason=reason, subject=ONLY_PLAN), wait).more)


def show(plan: dict[str, Any]) -> None:
    """The plan for a person: a table of what differs, and what comes of it."""
    from hedger.cli.show import print_table

    if not plan["changes"]:
        print("nothing differs from what is in force")
        return
    rows = ((row["key"], row["was"], row["will"], _WHEN[row["effect"]]) for row in plan["changes"])
    print_table(HEADER, [[printable(str(cell)) for cell in row] for row in rows])
    for text in plan["effects"]:
        print(printable(text))
    for text in plan["doubts"]:
        print(f"NEEDS YOUR WORD: {printable(text)}")


_WHEN = {"live": "at once", "restart": "at a start"}


def _agreed(plan: dict[str, Any], *, yes: bool, silent: bool) -> bool:
    """Whether it may be sent. Raises ConfigError where a word is needed and nobody can be asked."""
    if yes:
        return True
    if _may_ask(silent=silent):
        if typer.confirm("put this in force now?", default=False, err=True):
            return True
        print("nothing was changed")
        return False
    if plan["doubts"]:
        doubts = "; ".join(map(printable, plan["doubts"]))
        raise ConfigError(f"{doubts}: this needs a person's word, so nothing was changed; add --yes if it is meant")
    return True


def _may_ask(*, silent: bool) -> bool:
    return not silent and sys.stdin.isatty() and sys.stderr.isatty()


def _ask(directory: Path, request: Request, wait: float) -> Answer:
    answer = ask_through(Mailbox(directory), request, wait)
    progress("")
    if not answer.done:
        raise ConfigError(f"refused: {printable(answer.why)}")
    return answer


def _end(plan: dict[str, Any], json: bool, told: str, *, applied: bool) -> None:
    if json:
        tell(told, json, done=applied, **plan, applied=applied)


def _is_same(config: Path, told: object) -> bool:
    try:
        return isinstance(told, str) and os.path.samefile(config, told)
    except OSError:
        return False
