"""The entry point: every error becomes one sentence and an exit code here, and nowhere else."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from contextlib import suppress
from types import FrameType

from hedger.errors import HedgerError


def main() -> None:
    """Run the command line; the process ends here."""
    signal.signal(signal.SIGTERM, _terminated)
    # A shell that starts us in the background has it ignored; once the daemon runs it is heard, so also before.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A kill that comes before the daemon can heed it waits, instead of ending the process and being forgotten.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        from hedger.cli.root import command_line

        command_line()
    except HedgerError as problem:
        _say(str(problem))
        _leave(problem.exit_code)
    except KeyboardInterrupt:
        _leave(130)
    except Exception as bug:
        # Frames and the kind of error only: messages and locals of a bug may hold what must not be shown.
        frames = "".join(traceback.format_list(traceback.extract_tb(bug.__traceback__)[-6:]))
        _say(f"a bug in hedger ({type(bug).__name__}); please report these lines:\n{frames}".rstrip())
        _leave(70)


def _terminated(number: int, _: FrameType | None) -> None:
    """Where no daemon listens to the signal yet, it ends the program as Ctrl-C does: what was begun is undone."""
    raise SystemExit(128 + number)


def _say(text: str) -> None:
    """Words of a file or a venue may be in it: what a terminal would obey is a question mark."""
    lines = ("".join(c if c.isprintable() else "?" for c in line) for line in text.splitlines())
    with suppress(OSError):  # where nothing can be said the exit code still tells
        sys.stderr.write("".join(f"hedger: {line}\n" for line in lines))


def _leave(code: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code) if code == 130 else sys.exit(code)


if __name__ == "__main__":
    main()
