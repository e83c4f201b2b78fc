"""The standard streams of a command: always there, and never a reason to call a bug what is a full disk or a gone
reader."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable

from hedger.errors import HedgerError


def whole_streams() -> None:
    """Put the null device where a stream is closed, so that no file of ours gets its number and with it what is meant
    for a person; and question marks where a terminal's alphabet lacks a character."""
    for name, mode, flags in (("stdin", "r", os.O_RDONLY), ("stdout", "w", os.O_WRONLY), ("stderr", "w", os.O_WRONLY)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode, encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def flushed() -> None:
    """Have what was printed leave now. Raises SystemExit where nobody reads it any more, and HedgerError where it
    cannot be written; what is left of it is let go of then, or the end of the process would try it again."""
    _try(sys.stdout.flush)


def probed() -> None:
    """The same after an error that may have been standard output's: whether it takes anything is tried by an empty
    line, for of what it refused it keeps nothing that could be tried again."""
    _try(lambda: print(flush=True))


def _try(write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as problem:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if problem.errno in (errno.EPIPE, errno.EIO):  # the reader has gone, or the terminal
            raise SystemExit(1) from None
        raise HedgerError(f"standard output cannot be written ({problem.strerror})") from None
