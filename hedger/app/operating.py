"""What stands beside a running daemon for its operator: kill file, requests, signals, control API and watchdog."""

from __future__ import annotations

import asyncio
import faulthandler
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import structlog

from hedger.errors import JournalError
from hedger.ops.control import ControlServer
from hedger.ops.events import LogEvent
from hedger.runtime.clock import stopwatch
from hedger.runtime.kill import KillFile
from hedger.runtime.lifeline import Lifeline
from hedger.runtime.reception import Reception
from hedger.runtime.requests import Mailbox
from hedger.runtime.watchdog import STACKS, CancelAll, Watchdog, open_stacks
from hedger.settings.schema import Settings

ENDS = (signal.SIGTERM, signal.SIGINT)


class Operated(Protocol):
    """The daemon, as far as signals reach."""

    def drain(self, reason: str) -> None:
        """Begin the orderly end."""

    def halt(self, reason: str) -> None:
        """Halt at once."""


class Told:
    """What operators did, into the log."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("hedger.operator")

    def request_refused(self, name: str, why: str) -> None:
        """A file in the mailbox was moved aside."""
        self._log.warning(LogEvent.REQUEST_REFUSED, file=name, detail=why)

    def watchdog_tripped(self, text: str) -> None:
        """The last words of a process that is stuck."""
        self._log.critical(LogEvent.WATCHDOG_TRIPPED, detail=text)


class Operating:
    """The operator's side of one run on one state directory, in a `with` block, inside the event loop's thread.

    `cancel` is the watchdog's own way to the venues.
    """

    def __init__(self, directory: Path, settings: Settings, cancel: CancelAll) -> None:
        self._directory = directory
        self._settings = settings
        self._cancel = cancel
        self._told = Told()
        self._stack = ExitStack()
        self._mailbox = Mailbox(directory)
        self._daemon: Operated | None = None
        self.lifeline = Lifeline(KillFile(directory))
        self.reception = Reception(self.lifeline, self._mailbox, self._told)
        self.ended_by: signal.Signals | None = None

    def __enter__(self) -> Operating:
        with ExitStack() as stack:
            self._mailbox.prepare()
            self._hear_kill()
            self._register_stacks(stack)
            self._serve_control(stack)
            stack.enter_context(self._watchdog())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._daemon = None
        self._stack.close()

    def listen(self, daemon: Operated) -> None:
        """From now on SIGTERM and SIGINT ask the daemon to end in order; asking again changes nothing.

        The handlers stay until the event loop closes: a second signal must not cut short what the first one began.
        """
        self._daemon = daemon
        for number in ENDS:
            asyncio.get_running_loop().add_signal_handler(number, self._end, daemon, number)

    def _end(self, daemon: Operated, number: signal.Signals) -> None:
        self.ended_by = self.ended_by or number
        daemon.drain(f"signal {number.name}")

    def _hear_kill(self) -> None:
        """SIGUSR1 kills. It was held back until somebody could heed it, and is heard now if it came before."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._kill)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})

    def _kill(self) -> None:
        reason = f"signal {signal.SIGUSR1.name}"
        try:
            self.lifeline.kill.latch(reason)
        except JournalError as problem:
            self._told.request_refused("kill", str(problem))
        if self._daemon is not None:
            self._daemon.halt(reason)

    def _register_stacks(self, stack: ExitStack) -> None:
        """SIGQUIT writes the stacks of all threads, without values, and changes nothing else."""
        try:
            file = stack.enter_context(open_stacks(self._directory / STACKS))
        except OSError as problem:
            raise JournalError(f"{self._directory / STACKS}: cannot be opened ({problem.strerror})") from None
        faulthandler.register(signal.SIGQUIT, file=file, all_threads=True, chain=False)
        stack.callback(faulthandler.unregister, signal.SIGQUIT)

    def _serve_control(self, stack: ExitStack) -> None:
        control = self._settings.control
        if not control.enabled or control.token is None:
            return
        server = ControlServer(
            self._directory,
            token=control.token.get_secret_value(),
            host=control.host,
            port=control.port,
            names=control.names,
            now=stopwatch,
        )
        stack.enter_context(server)
        log = structlog.get_logger("hedger.operator")
        log.info(LogEvent.CONTROL_LISTENING, host=control.host, port=server.port)

    def _watchdog(self) -> Watchdog:
        return Watchdog(
            self.lifeline,
            directory=self._directory,
            cancel=self._cancel,
            tell=self._told.watchdog_tripped,
            stuck_s=float(self._settings.watchdog.stuck_s),
        )
