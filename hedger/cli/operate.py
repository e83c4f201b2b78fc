"""Commands that ask something of a hedger: kill, resume, pause, unpause, drain, write-off. Each waits for it."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from hedger.cli.inspect import read_status
from hedger.cli.options import ConfigOption, JsonOption, StateDirOption, state_directory, tell
from hedger.errors import AskAgain, GiveUp, JournalError
from hedger.runtime.clock import stopwatch
from hedger.runtime.kill import printable
from hedger.runtime.lease import has_run, is_held
from hedger.runtime.requests import Answer, Ask, Mailbox, Request

ReasonOption = Annotated[str, typer.Option(help="Why, for the journal.")]
WaitOption = Annotated[float, typer.Option(min=0, max=600, help="How many seconds to wait for the effect.")]
LOOK_S = 0.1
TAKEN_UP_S = 2.0
LONGEST_HALT = 500


def kill(
    reason: ReasonOption = "no reason given",
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    wait: WaitOption = 30.0,
    json: JsonOption = False,
) -> None:
    """Stop creating at once, cancel every order of ours, and stay halted until `hedger resume`. It needs no hedger."""
    from hedger.runtime.kill import LONGEST_REASON, KillFile, is_too_long

    directory = state_directory(config, state_dir).absolute()
    known_there = has_run(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as problem:
        raise JournalError(
            f"nobody was stopped: {directory} cannot be made ({problem.strerror}); name it again"
        ) from None
    told = f"hedger kill: {reason}"
    KillFile(directory).latch(told)
    if is_too_long(told):
        sys.stderr.write(f"hedger: the reason was cut to {LONGEST_REASON} characters\n")
    if not known_there:
        raise AskAgain(
            f"nobody was stopped: no hedger has ever run on {directory}; name its state directory with -c or "
            "--state-dir (the kill is latched there all the same, and a first start there begins halted)"
        )
    if not is_held(directory):
        tell(f"the kill is latched in {directory}; no hedger runs there, and the next start begins halted", json)
        return
    latched = f"the kill is latched in {directory}"
    try:
        known = await_status(directory, _is_dead, wait, f"{latched}; waiting until nothing of ours works")
    except AskAgain as unseen:
        told = str(unseen).removeprefix(f"{latched}; ")
        raise AskAgain(
            f"{latched}, and nothing new leaves; whether all that worked is gone is not seen: {told}"
        ) from None
    halted = printable(str(known["halted"]))
    tell(f"killed on {directory}: {halted}; none of our orders works; it stays so until `hedger resume`", json)


def resume(
    reason: ReasonOption,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    wait: WaitOption = 30.0,
    json: JsonOption = False,
) -> None:
    """Lift a halt or a kill, with a reason. A running hedger reconciles before it trades; a stopped one starts so."""
    directory = state_directory(config, state_dir)
    known = status_there(directory)
    if known is None:
        from hedger.app.resume import lift_halt

        tell(f"the halt is lifted ({printable(lift_halt(directory, reason))}); start the hedger again", json)
        return
    if known["halted"] is None and known.get("doubted"):
        _ask(directory, wait, "resume", reason)
        tell(f"your word is taken for the readings of {', '.join(known['doubted'])}; it is {known['mode']}", json)
        return
    if known["halted"] is None:
        raise GiveUp(
            f"the hedger on {directory} is not halted; `hedger unpause` ends a pause, and a breaker closes by itself"
        )
    halted = str(known["halted"])
    told = _ask(directory, wait, "resume", reason, halted=halted[:LONGEST_HALT])
    known = await_status(
        directory, lambda status: status["halted"] is None, wait, "it is asked; waiting until it goes on"
    )
    if known["paused"] is not None or "flatten" in told:
        tell(told, json)
        return
    tell(f"the halt is lifted ({printable(halted)}); it is {known['mode']} and trades once it has reconciled", json)


def pause(
    reason: ReasonOption,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    wait: WaitOption = 30.0,
    json: JsonOption = False,
) -> None:
    """Create nothing until `hedger unpause`; what works is canceled. While it is halted, the pause is remembered."""
    directory = state_directory(config, state_dir)
    told = _ask(directory, wait, "pause", reason)
    known = await_status(
        directory, lambda status: status["mode"] != "hedging", wait, "it is asked; waiting until it rests"
    )
    tell(f"it is paused ({known['mode']})" if known["halted"] is None else told, json)


def unpause(
    reason: ReasonOption,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    wait: WaitOption = 30.0,
    json: JsonOption = False,
) -> None:
    """End a pause, and every flatten: it hedges again. A halt is lifted by `hedger resume` only."""
    directory = state_directory(config, state_dir)
    told = _ask(directory, wait, "unpause", reason)
    tell(told if "halted" in told or "flatten" in told else "the pause is over", json)


def drain(
    reason: ReasonOption = "asked for",
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    wait: WaitOption = 60.0,
    json: JsonOption = False,
) -> None:
    """End the hedger in order, as SIGTERM does: our orders are canceled and proven gone, the hedges are held."""
    directory = state_directory(config, state_dir)
    _ask(directory, wait, "drain", reason)
    ends_at = stopwatch() + seconds_of(wait)
    while is_held(directory):
        progress("it drains; waiting for its end")
        if stopwatch() > ends_at:
            raise AskAgain(f"the hedger on {directory} has not ended within {wait:.0f} s; look at `hedger status`")
        time.sleep(LOOK_S)
    progress("")
    tell("it has ended; the exit code of `hedger run` says how", json)


def write_off(
    order: Annotated[str, typer.Argument(help="Our id of the order, as `hedger status` shows it.")],
    reason: ReasonOption,
    config: ConfigOption = None,
    state_dir: StateDirOption = None,
    wait: WaitOption = 30.0,
    json: JsonOption = False,
) -> None:
    """Declare an order of unknown fate gone, after you have seen at the venue that it is: its reservation ends."""
    directory = state_directory(config, state_dir)
    _ask(directory, wait, "write_off", reason, subject=order)
    tell(f"order {order} is written off", json)


def _is_dead(status: dict[str, Any]) -> bool:
    working = [id for hedge in status["hedges"].values() for id in hedge["orders_working"]]
    return status["halted"] is not None and not working


def status_there(directory: Path) -> dict[str, Any] | None:
    """What the hedger that runs there says; None where none does."""
    return read_status(directory / "status.json") if is_held(directory) else None


def _ask(directory: Path, wait: float, what: str, reason: str, *, subject: str = "", halted: str = "") -> str:
    """Send a request, wait for its answer, and return its words.

    Raises AskAgain without a hedger or an answer, GiveUp when refused. One that nobody took up in time, or that Ctrl-C
    cut short, is withdrawn: it is not obeyed later.
    """
    read_status(directory / "status.json")
    request = Request(ask=Ask(what), reason=reason, subject=subject, halted=halted)
    if flaw := request.flaw():
        raise GiveUp(f"nothing was asked: {flaw}")
    answer = ask_through(Mailbox(directory), request, wait)
    progress("")
    why = printable(answer.why)
    if not answer.done:
        raise GiveUp(f"refused: {why}")
    return why


def ask_through(mailbox: Mailbox, request: Request, wait: float) -> Answer:
    """Send a request and wait so many seconds for its answer. Raises AskAgain without one."""
    wait = seconds_of(wait)
    name = mailbox.send(request, str(os.getpid()), wait)
    try:
        answer = _answer(mailbox, name, wait, "asked; waiting for an answer")
    except KeyboardInterrupt:
        gone = "withdrawn, and nothing comes of it" if mailbox.withdraw(name) else "taken up already: `hedger status`"
        sys.stderr.write(f"\nhedger: the request is {gone}\n")
        raise
    if answer is None and mailbox.withdraw(name):
        raise AskAgain(
            f"the hedger has not answered within {wait:.0f} s; the request is withdrawn, and nothing comes of it "
            f"later: look at its log (it uses {mailbox.directory.parent})"
        )
    answer = answer or _answer(mailbox, name, TAKEN_UP_S, "it was taken up; waiting for what became of it")
    if answer is None:
        raise AskAgain("the hedger took the request up and has not said what became of it: look at `hedger status`")
    return answer


def _answer(mailbox: Mailbox, name: str, wait: float, what: str) -> Answer | None:
    """The answer to a request; None where there is none in time."""
    ends_at = stopwatch() + wait
    while (answer := mailbox.answer_to(name)) is None and stopwatch() <= ends_at:
        progress(what)
        time.sleep(LOOK_S)
    return answer


def await_status(
    directory: Path,
    holds: Callable[[dict[str, Any]], bool],
    wait: float,
    what: str,
    so_far: Callable[[dict[str, Any]], str] = lambda _: "",
) -> dict[str, Any]:
    """The status once it shows the effect; who waits at a terminal reads what is waited for, and how far it is.

    Raises AskAgain where it does not show it in time, or the hedger ends meanwhile.
    """
    ends_at = stopwatch() + seconds_of(wait)
    while True:
        known = status_there(directory)
        if known is None:
            progress("")
            raise AskAgain(f"the hedger on {directory} has ended meanwhile: look at its log and at the venue")
        if holds(known):
            progress("")
            return known
        if stopwatch() > ends_at:
            progress("")
            raise AskAgain(f"{what}, and after {wait:.0f} s its status does not show it yet: look at `hedger status`")
        progress(f"{what}{so_far(known)}")
        time.sleep(LOOK_S)


def seconds_of(wait: float) -> float:
    """How long to wait; what is no number (`nan`) is not at all, for no clock would ever come after it."""
    return wait if wait >= 0 else 0.0


def progress(text: str) -> None:
    """One line of a terminal; nothing where nobody looks."""
    if sys.stderr.isatty():
        room = shutil.get_terminal_size().columns - 1  # a line that wraps could not be written over
        sys.stderr.write(f"\r\x1b[K{printable(text)[:room]}")
        sys.stderr.flush()
