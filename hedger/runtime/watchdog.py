"""The watchdog: a thread that cancels our orders by a connection of its own when the event loop stands still.

It needs a share of the interpreter like every thread. Whatever holds the interpreter's lock stops it as well; then only
the venue's dead man's switch is left.
"""

from __future__ import annotations

import faulthandler
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from hedger.runtime.clock import stopwatch
from hedger.runtime.lifeline import Lifeline, LiveOrder

STUCK_S = 5.0
LOOK_S = 0.25
LONGEST_CANCEL_S = 20.0
LONGEST_TELL_S = 1.0
LONGEST_KEEP_S = 1.0
EXIT_CODE = 71
STACKS = "stacks.txt"
_LARGEST_STACKS = 1_000_000

# Cancels orders and names those that are not proven gone: their ids, each with the reason where one is known.
CancelAll = Callable[[Sequence[LiveOrder]], Sequence[str]]


def nothing_to_cancel(orders: Sequence[LiveOrder]) -> Sequence[str]:
    """For a run that sends no orders: those that it is told of anyway are not proven gone."""
    return [order.client_order_id for order in orders]


class Watchdog:
    """Looks at a lifeline a few times a second; in a `with` block, after which it is gone.

    When the loop has not beaten, or has not heeded a kill file, for `stuck_s`: all stacks go to `stacks.txt`, our live
    orders are canceled, `tell` hears a sentence, and `leave` ends the process with the code 71. The journal stays as it
    is: the next start reconciles. A process that was suspended as a whole is given its time anew.
    """

    def __init__(
        self,
        lifeline: Lifeline,
        *,
        directory: Path,
        cancel: CancelAll,
        tell: Callable[[str], None],
        stuck_s: float = STUCK_S,
        leave: Callable[[int], None] = os._exit,
        now: Callable[[], float] = stopwatch,
    ) -> None:
        self._lifeline = lifeline
        self._stacks = directory / STACKS
        self._cancel = cancel
        self._tell = tell
        self._stuck_s = stuck_s
        self._leave = leave
        self._now = now
        self._looked_at = self._excused_at = now()
        self._killed_at: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="watchdog")

    def __enter__(self) -> Watchdog:
        self._lifeline.beat()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(LOOK_S * 8)

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_S):
            fault = self.look()
            if fault is not None:
                self._take_over(fault)
                return

    def look(self) -> str | None:
        """What is wrong with the loop at this moment; None if it seems well, or has had no chance to be."""
        now, line = self._now(), self._lifeline
        if now - self._looked_at > self._stuck_s / 2:  # we did not run either: the whole process stood still
            self._excused_at, self._killed_at = now, None
        self._looked_at = now
        silent_s = now - max(line.beaten_at, self._excused_at)
        if line.beating and silent_s > self._stuck_s:
            return f"the event loop has stood still for {silent_s:.1f} s"
        return self._unheeded_kill(now)

    def _unheeded_kill(self, now: float) -> str | None:
        line = self._lifeline
        if not line.attended or line.halted or not line.kill.exists():
            self._killed_at = None
            return None
        if self._killed_at is None:
            self._killed_at = now
        waited_s = now - self._killed_at
        return f"a kill file has not been heeded for {waited_s:.1f} s" if waited_s > self._stuck_s else None

    def _take_over(self, fault: str) -> None:
        """From here on nothing is waited for without a limit: a lock that the loop holds must not hold us too."""
        self._lifeline.tripped = True
        stacks = stacks_now()
        _within(LONGEST_KEEP_S, lambda: keep_stacks(self._stacks, stacks))
        live = self._lifeline.live
        left = [order.client_order_id for order in live]

        def cancel() -> None:
            left[:] = self._cancel(live)

        if live:
            _within(LONGEST_CANCEL_S, cancel)
        end = f"not proven gone: {', '.join(left)}; look at the venue's open orders" if left else "all are gone"
        _within(LONGEST_TELL_S, lambda: self._tell(f"{fault}; orders that may have worked: {len(live)}, {end}"))
        self._leave(EXIT_CODE)


def stacks_now() -> str:
    """The stacks of all threads: places in the source, and no values.

    They go to memory first: whoever writes them holds the interpreter's lock, and would never let go of it on a disk
    that hangs, which may be why the loop stands still.
    """
    try:
        with os.fdopen(os.memfd_create("stacks"), "r+", encoding="utf-8", errors="replace") as file:
            faulthandler.dump_traceback(file, all_threads=True)
            file.seek(0)
            return file.read()
    except OSError:
        return ""


def keep_stacks(path: Path, stacks: str) -> None:
    """Add stacks to a file that only its owner reads."""
    try:
        with open_stacks(path) as file:
            file.write(f"{stacks}\n")
    except OSError:
        return


def open_stacks(path: Path) -> IO[str]:
    """The file for stacks, begun anew where it has grown large. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    file = os.open(path, flags, 0o600)
    if os.fstat(file).st_size > _LARGEST_STACKS:
        os.ftruncate(file, 0)
    return os.fdopen(file, "a", encoding="utf-8")


def _within(seconds: float, work: Callable[[], object]) -> None:
    """Where the machine gives no more threads the work is left: what follows it, the end above all, must not be."""
    thread = threading.Thread(target=work, daemon=True)
    with suppress(RuntimeError):
        thread.start()
        thread.join(seconds)
