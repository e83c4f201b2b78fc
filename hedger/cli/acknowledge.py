"""`hedger ack`: what a person should look at, and that somebody has."""

from __future__ import annotations

from typing import Annotated

import typer

from hedger.cli.inspect import said_on
from hedger.cli.operate import WaitOption, ask_through, progress
from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, tell
from hedger.errors import ConfigError, GiveUp
from hedger.runtime.kill import printable
from hedger.runtime.requests import Ask, Mailbox, Request

HEADER = ("alarm", "level", "what", "seen")


def acknowledge(
    key: Annotated[str | None, typer.Argument(help="The alarm; without it, all that stand are listed.")] = None,
    reason: Annotated[str, typer.Option(help="What you make of it, for the journal.")] = "",
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    json: JsonOption = False,
    wait: WaitOption = 30.0,
) -> None:
    """Say that you have seen an alarm, or list what stands. It changes nothing else: what is stopped stays stopped."""
    said = said_on(config, state_dir)
    alarms = said.part("alarms")
    if key is None:
        rows = [
            tuple(printable(str(row[name] or "")) for name in ("key", "level", "text", "acknowledged_at"))
            for row in alarms
        ]
        said.tell(json, {"alarms": alarms}, [(HEADER, rows)], empty="nothing stands")
        return
    if said.known["stale"]:
        raise said.nobody()
    if key not in {row["key"] for row in alarms}:
        standing = ", ".join(printable(row["key"]) for row in alarms) or "nothing"
        raise GiveUp(f"{printable(key)} does not stand now: {standing} does")
    request = Request(ask=Ask.ACKNOWLEDGE, reason=reason, subject=key)
    if flaw := request.flaw():
        raise ConfigError(f"nothing was asked: {flaw}")
    answer = ask_through(Mailbox(said.path.parent), request, wait)
    progress("")
    if not answer.done:
        raise GiveUp(f"refused: {printable(answer.why)}")
    tell(f"{printable(key)} is acknowledged; if it goes and comes back, it is a new one", json, acknowledged=key)
