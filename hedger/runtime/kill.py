"""The kill file: while it is in the state directory no order leaves, and the hedger halts. Anybody can `touch` it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hedger.errors import JournalError
from hedger.runtime.clock import wall_ns

NAME = "kill"
LIFTED = "kill.lifted"
LONGEST_REASON = 500
UNTOLD = "the kill file"
PAPER = "paper"  # the directory that paper mode keeps beneath the one that it was given


class KillFile:
    """`<directory>/kill`. That something bears this name is what counts: a file, a directory, a dangling link.

    It is the latch that needs neither a journal nor a running hedger, so it outlives restarts by itself. Paper mode
    heeds the one in the directory above too, which is the one that a person was told of; it never takes that one away.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.path = directory / NAME
        self._above = directory.parent / NAME if directory.name == PAPER else None

    def exists(self) -> bool:
        """Whether it is there; where the disk does not say so clearly, it is."""
        return _is_there(self.path) or (self._above is not None and _is_there(self._above))

    @property
    def found(self) -> Path:
        """Which of the two it is, whole: the one above where only that is there."""
        if self._above is not None and not _is_there(self.path) and _is_there(self._above):
            return self._above.absolute()
        return self.path.absolute()

    def reason(self) -> str:
        """What stands in it, bounded and on one line; a sentence of our own where nothing does."""
        try:
            file = os.open(self.found, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
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
        if self.path.is_dir() and not self.path.is_symlink():
            return False
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

    def why_it_stays(self) -> str:
        """After a `lift` that failed: which file it is, why it was not taken away, and what to do."""
        path = self.path.absolute()
        if not _is_there(self.path) and self._above is not None:
            return f"{self._above.absolute()} is there, above this hedger's own directory: remove it by hand"
        try:
            found = os.lstat(path)
        except OSError:
            return f"{path} cannot be removed: look at its directory"
        if stat.S_ISDIR(found.st_mode):
            return f"{path} is a directory, which is never taken away: remove it by hand, then resume again"
        if found.st_mtime_ns > wall_ns():
            return f"{path} bears a time in the future, so it counts as pressed later: `touch` it, then resume again"
        return f"{path} was pressed again meanwhile, or cannot be removed: look at it, then resume again"

    def _touch(self) -> None:
        try:
            os.utime(self.path, follow_symlinks=False)
        except OSError:
            return


def _is_there(path: Path) -> bool:
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def printable(text: str) -> str:
    """Text with whatever a terminal could obey, or a reader not see, as question marks."""
    return "".join(c if c.isprintable() else "?" for c in text)


def one_line(text: str) -> str:
    """A person's words as they go into the journal and the log: printable, on one line, of bounded length."""
    return printable(" ".join(text.split()))[:LONGEST_REASON]


def is_too_long(text: str) -> bool:
    """Whether a reason would be cut."""
    return len(" ".join(text.split())) > LONGEST_REASON


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
