"""One hedger at a time on one state directory: an exclusive lock that dies with its process."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from hedger.errors import JournalError

NAME = "hedger.lock"
TRIES, TRY_AGAIN_S = 5, 0.02  # whoever asks `is_held` holds the lock for an instant
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Lease:
    """Holds `<directory>/hedger.lock` while in its `with` block; raises JournalError if another process holds it.

    A directory that somebody else could change is refused too: whoever writes in it may kill, resume and drain.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._file: int | None = None

    def __enter__(self) -> Lease:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            refuse_shared(self._path.parent)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as problem:
            way = "give the state directory to this user"
            if problem.errno in (errno.EROFS, errno.ENOSPC):
                way = "nothing can be written on its disk: mend that, or set another state_dir"
            raise JournalError(f"{self._path}: cannot be opened ({problem.strerror}); {way}") from None
        try:
            free = _locked(self._file)
        except OSError as problem:
            os.close(self._file)
            raise JournalError(
                f"{self._path}: cannot be locked ({problem.strerror}): "
                "set a state_dir on a file system that takes locks"
            ) from None
        if not free:
            holder = os.pread(self._file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise JournalError(
                f"{self._path}: another hedger (process {holder}) uses this state directory; "
                "stop it, or set another state_dir"
            ) from None
        with suppress(OSError):  # who holds it is for people; on a full disk the journal says what is wrong
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def refuse_shared(directory: Path) -> None:
    """Raises JournalError where the directory, or what a link of its name leads to, is not this user's alone."""
    found, name = directory.stat(), directory.absolute()
    if found.st_uid != os.geteuid():
        raise JournalError(
            f"{name} belongs to another user (number {found.st_uid}): run as that user, or change its owner"
        )
    if found.st_mode & WRITABLE_BY_OTHERS:
        raise JournalError(f"{name} may be written by other users: chmod go-w it, and look at what is in it")


def _locked(file: int) -> bool:
    """Whether it is ours now; raises OSError where nobody can say, which is no other hedger."""
    for left in reversed(range(TRIES)):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if left:
                time.sleep(TRY_AGAIN_S)
    return False


def has_run(directory: Path) -> bool:
    """Whether a hedger ever used the directory: it left its lock, its journal or its status there."""
    return any(os.path.lexists(directory / name) for name in (NAME, "journal.sqlite3", "status.json"))


def is_held(directory: Path) -> bool:
    """Whether a hedger uses the state directory at this moment."""
    try:
        file = os.open(directory / NAME, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # nobody could have locked it
    finally:
        os.close(file)
    return False


def taken_at(directory: Path) -> float:
    """When a hedger took the state directory last, by the file system's clock, in seconds; 0 if none ever did."""
    try:
        return os.lstat(directory / NAME).st_mtime
    except OSError:
        return 0.0
