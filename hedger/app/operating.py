"""What stands beside a running daemon for its operator: kill file, requests, signals, console and watchdog."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import resource
import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import structlog

from hedger.app.consoling import console_of
from hedger.app.reloading import Reloading, Wish
from hedger.errors import JournalError
from hedger.ops.console.feed import Feed
from hedger.ops.console.tokens import NAME as CONSOLE_TOKEN
from hedger.ops.events import LogEvent
from hedger.ops.surroundings import Serving
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

    def __init__(self, directory: Path, settings: Settings, cancel: CancelAll, feed: Feed) -> None:
        self._directory = directory
        self._settings = settings
        self._cancel = cancel
        self._feed = feed
        self._reloading: Reloading | None = None
        self._told = Told()
        self._stack = ExitStack()
        self._mailbox = Mailbox(directory)
        self._daemon: Operated | None = None
        self.lifeline = Lifeline(KillFile(directory))
        self.reception = Reception(self.lifeline, self._mailbox, self._told)
        self.ended_by: signal.Signals | None = None
        self.console: Mapping[str, object] | None = None
        self.serving: Callable[[], Serving] | None = None

    def __enter__(self) -> Operating:
        with ExitStack() as stack:
            leave_no_core()
            self._mailbox.prepare()
            self._hear_kill()
            self._register_stacks(stack)
            self._serve_console(stack)
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

    def reload_by(self, reloading: Reloading) -> None:
        """From now on requests for a reload are taken, and SIGHUP is one, unless it was ignored when we began (nohup).

        Where the terminal that we began on is gone, SIGHUP is the news of that, and the end in order.
        """
        self.reception.reloads = self._reloading = reloading
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            terminals = [number for number in (0, 1, 2) if os.isatty(number)]
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hang_up, reloading, terminals)

    def _hang_up(self, reloading: Reloading, terminals: list[int]) -> None:
        if terminals and not any(os.isatty(number) for number in terminals):
            if self._daemon is not None:
                self._end(self._daemon, signal.SIGHUP)
            return
        reloading.ask(Wish(who=f"signal {signal.SIGHUP.name}"), lambda _: None)

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

    def _serve_console(self, stack: ExitStack) -> None:
        console = console_of(self._directory, self._settings, self._feed, lambda: self._reloading)
        if console is None:
            return
        stack.enter_context(console)
        self.serving = console.serving
        wanted = self._settings.console
        kept = str((self._directory / CONSOLE_TOKEN).absolute()) if wanted.token is None else None
        self.console = {"host": wanted.host, "port": console.port, "token_file": kept}

    def _watchdog(self) -> Watchdog:
        return Watchdog(
            self.lifeline,
            directory=self._directory,
            cancel=self._cancel,
            tell=self._told.watchdog_tripped,
            stuck_s=float(self._settings.watchdog.stuck_s),
        )


def leave_no_core() -> None:
    """Have a crash of the interpreter leave no image of the memory behind, with the keys in it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
