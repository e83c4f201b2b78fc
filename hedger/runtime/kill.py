"""The kill file: while it is in the state directory no order leaves, and the hedger halts. Anybody can `touch` it."""

from __future__ import annotations

import os
from pathlib import Path

from hedger.errors import JournalError

NAME = "kill"
LIFTED = "kill.lifted"
LONGEST_REASON = 500
UNTOLD = "the kill file"


class KillFile:
    """`<directory>/kill`. That something bears this name is what counts: a file, a directory, a dangling link.

    It is the latch that needs neither a journal nor a running hedger, so it outlives restarts by itself.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.path = directory / NAME

    def exists(self) -> bool:
        """Whether it is there; where the disk does not say so clearly, it is."""
        try:
            os.lstat(self.path)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def reason(self) -> str:
        """What stands in it, bounded and on one line; a sentence of our own where nothing does."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return UNTOLD
        try:
            text = os.read(file, 4 * LONGEST_REASON).decode("utf-8", errors="replace")
        except OSError:
            return UNTOLD
        finally:
            os.close(file)
        told = one_line(text)
        return f"{UNTOLD}: {told}" if told else UNTOLD

    def pressed_ns(self) -> int:
        """When it was last pressed, by the file system's clock; 0 if it was not."""
        try:
            return os.lstat(self.path).st_mtime_ns
        except OSError:
            return 0

    def latch(self, reason: str) -> None:
        """Put it there, on disk when this returns. One that is there already counts as pressed anew.

        Raises JournalError where the directory refuses it.
        """
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            self._touch()
            return
        except OSError as problem:
            raise JournalError(f"{self.path}: the kill file cannot be written ({problem.strerror})") from None
        try:
            os.write(file, f"{one_line(reason)}\n".encode())
            os.fsync(file)
        except OSError:
            pass  # its name is there, and its name is what counts
        finally:
            os.close(file)
        sync_directory(self._directory)

    def lift(self, asked_ns: int) -> bool:
        """Take it away if it was pressed before `asked_ns` (of the file system's clock). Whether it is gone.

        It is moved first and judged then, so that one that is pressed at this moment is never lost; the file system's
        clock ticks every few milliseconds, and within a tick the kill wins.
        """
        lifted = self._directory / LIFTED
        try:
            os.replace(self.path, lifted)
            pressed_ns = os.lstat(lifted).st_mtime_ns
        except FileNotFoundError:
            return not self.exists()
        except OSError:
            return False
        if pressed_ns >= asked_ns:
            os.replace(lifted, self.path)
            return False
        sync_directory(self._directory)
        return not self.exists()

    def _touch(self) -> None:
        try:
            os.utime(self.path, follow_symlinks=False)
        except OSError:
            return


def one_line(text: str) -> str:
    """A person's words as they go into the journal and the log: printable, on one line, of bounded length."""
    words = " ".join(text.split())
    return "".join(c if c.isprintable() else "?" for c in words)[:LONGEST_REASON]


def sync_directory(directory: Path) -> None:
    """Have a change of names in a directory survive a power cut, where its file system can."""
    try:
        file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        os.fsync(file)
    except OSError:
        return
    finally:
        os.close(file)
