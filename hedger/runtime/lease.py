"""One hedger at a time on one state directory: an exclusive lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from hedger.errors import JournalError


class Lease:
    """Holds `<directory>/hedger.lock` while in its `with` block; raises JournalError if another process holds it."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "hedger.lock"
        self._file: int | None = None

    def __enter__(self) -> Lease:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as problem:
            raise JournalError(
                f"{self._path}: cannot be opened ({problem.strerror}); give the state directory to this user"
            ) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise JournalError(
                f"{self._path}: another hedger (process {holder}) uses this state directory; "
                "stop it, or set another state_dir"
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def is_held(directory: Path) -> bool:
    """Whether a hedger uses the state directory at this moment."""
    try:
        file = os.open(directory / "hedger.lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False
