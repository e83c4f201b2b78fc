"""Commands that ask something of a hedger: kill, resume, pause, unpause, drain, write-off. Each waits for it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from hedger.cli.inspect import read_status
from hedger.cli.options import ConfigOption, StateDirOption, state_directory
from hedger.errors import AskAgain, GiveUp
from hedger.runtime.clock import SystemClock, stopwatch

ReasonOption = Annotated[str, typer.Option(help="Why, for the journal.")]
WaitOption = Annotated[float, typer.Option(min=0, max=600, help="How many seconds to wait for the effect.")]
LOOK_S = 0.1
LONGEST_HALT = 500


def kill(
    reason: ReasonOption = "no reason given",
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    wait: WaitOption = 30.0,
) -> None:
    """Stop creating at once, cancel every order of ours, and stay halted until `hedger resume`. It needs no hedger."""
    from hedger.runtime.kill import KillFile

    directory = state_directory(config, state_dir)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    KillFile(directory).latch(f"hedger kill: {reason}")
    if _status_of(directory) is None:
        print(f"the kill is latched in {directory}; no hedger runs there, and the next start begins halted")
        return
    known = _await(directory, _is_dead, wait, "the kill is latched; waiting until nothing of ours works")
    print(f"killed: {known['halted']}; none of our orders works; it stays halted until `hedger resume --reason …`")


def resume(
    reason: ReasonOption, config: ConfigOption = None, state_dir: StateDirOption = None, wait: WaitOption = 30.0
) -> None:
    """Lift a halt or a kill, with a reason. A running hedger reconciles before it trades; a stopped one starts so."""
    directory = state_directory(config, state_dir)
    known = _status_of(directory)
    if known is None:
        from hedger.app.resume import lift_halt

        print(f"the halt is lifted ({lift_halt(directory, reason)}); start the hedger again")
        return
    if known["halted"] is None:
        raise GiveUp(f"the hedger on {directory} is not halted; `hedger unpause` ends a pause")
    halted = str(known["halted"])
    _ask(directory, wait, "resume", reason, halted=halted[:LONGEST_HALT])
    known = _await(directory, lambda status: status["halted"] is None, wait, "it is asked; waiting until it goes on")
    print(f"the halt is lifted ({halted}); it is {known['mode']} and trades once it has reconciled")


def pause(
    reason: ReasonOption, config: ConfigOption = None, state_dir: StateDirOption = None, wait: WaitOption = 30.0
) -> None:
    """Create nothing until `hedger unpause`; what works is canceled."""
    directory = state_directory(config, state_dir)
    _ask(directory, wait, "pause", reason)
    known = _await(directory, lambda status: status["mode"] != "hedging", wait, "it is asked; waiting until it rests")
    print(f"it is paused ({known['mode']})")


def unpause(
    reason: ReasonOption, config: ConfigOption = None, state_dir: StateDirOption = None, wait: WaitOption = 30.0
) -> None:
    """End a pause. A halt is lifted by `hedger resume` only."""
    directory = state_directory(config, state_dir)
    _ask(directory, wait, "unpause", reason)
    print("the pause is over")


def drain(
    reason: ReasonOption = "asked for",
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    wait: WaitOption = 60.0,
) -> None:
    """End the hedger in order, as SIGTERM does: our orders are canceled and proven gone, the hedges are held."""
    from hedger.runtime.lease import is_held

    directory = state_directory(config, state_dir)
    _ask(directory, wait, "drain", reason)
    ends_at = stopwatch() + wait
    while is_held(directory):
        _tell("it drains; waiting for its end")
        if stopwatch() > ends_at:
            raise AskAgain(f"the hedger on {directory} has not ended within {wait:.0f} s; look at `hedger status`")
        time.sleep(LOOK_S)
    _tell("")
    print("it has ended; the exit code of `hedger run` says how")


def write_off(
    order: Annotated[str, typer.Argument(help="Our id of the order, as `hedger status` shows it.")],
    reason: ReasonOption,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    wait: WaitOption = 30.0,
) -> None:
    """Declare an order of unknown fate gone, after you have seen at the venue that it is: its reservation ends."""
    directory = state_directory(config, state_dir)
    _ask(directory, wait, "write_off", reason, order=order)
    print(f"order {order} is written off")


def _is_dead(status: dict[str, Any]) -> bool:
    working = [id for hedge in status["hedges"].values() for id in hedge["orders_working"]]
    return status["halted"] is not None and not working


def _status_of(directory: Path) -> dict[str, Any] | None:
    """What the hedger that runs there says; None where none does."""
    path = directory / "status.json"
    try:
        return read_status(path)
    except AskAgain as problem:
        if "it hangs" in str(problem):
            raise
        return None


def _ask(directory: Path, wait: float, what: str, reason: str, *, order: str = "", halted: str = "") -> None:
    """Send a request and wait for its answer. Raises AskAgain without a hedger or an answer, GiveUp when refused."""
    from hedger.runtime.requests import Ask, Mailbox, Request, parse_request

    read_status(directory / "status.json")
    request = Request(ask=Ask(what), reason=reason, order=order, halted=halted)
    if parse_request(request.to_json()) is None:
        raise GiveUp("a request needs a reason of at most 500 characters (and a write-off the id of one order)")
    mailbox = Mailbox(directory)
    name = mailbox.send(request, f"{SystemClock().now_ms()}-{os.getpid()}")
    ends_at = stopwatch() + wait
    while (answer := mailbox.answer_to(name)) is None:
        _tell("asked; waiting for an answer")
        if stopwatch() > ends_at:
            raise AskAgain(f"the hedger on {directory} has not answered within {wait:.0f} s: look at its log")
        time.sleep(LOOK_S)
    _tell("")
    if not answer.done:
        raise GiveUp(f"refused: {answer.why}")


def _await(directory: Path, holds: Callable[[dict[str, Any]], bool], wait: float, what: str) -> dict[str, Any]:
    """The status once it shows the effect. Raises AskAgain where it does not in time, or the hedger ends meanwhile."""
    ends_at = stopwatch() + wait
    while True:
        known = _status_of(directory)
        if known is None:
            raise AskAgain(f"the hedger on {directory} has ended meanwhile: look at its log and at the venue")
        if holds(known):
            _tell("")
            return known
        if stopwatch() > ends_at:
            raise AskAgain(f"{what}, and after {wait:.0f} s its status does not show it yet: look at `hedger status`")
        _tell(what)
        time.sleep(LOOK_S)


def _tell(text: str) -> None:
    """One line of a terminal; nothing where nobody looks."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
