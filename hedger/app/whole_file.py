"""A file that appears whole under its name, or not at all: whatever ends the writing leaves no half behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hedger.errors import ConfigError


def refuse_taken(path: Path, *, replace: bool = False) -> None:
    """Raises ConfigError where `path` cannot be written under that name: before work that would be for nothing."""
    if not replace and os.path.lexists(path):
        raise ConfigError(_taken(path))
    if os.path.isdir(path):
        raise ConfigError(f"{path} is a directory: name the file in it")
    try:
        placed = path.absolute().parent.is_dir()
        with suppress(FileNotFoundError, NotADirectoryError):
            path.lstat()  # a name that is too long, or a place where this user may not look
    except OSError as problem:
        raise ConfigError(f"{path}: cannot be written ({problem.strerror})") from None
    if not placed:
        raise ConfigError(f"{path}: cannot be written, for there is no directory {path.parent}")


@contextmanager
def whole_file(path: Path, *, replace: bool = False, mode: int = 0o600) -> Iterator[Path]:
    """Gives a draft beside `path` to write into; on a good end it gets the name, on any other it is taken away.

    Raises ConfigError where there is a file of that name already and it is not to be replaced, or where the disk
    refuses. A file of that name that somebody makes meanwhile is kept too.
    """
    refuse_taken(path, replace=replace)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode))
        yield draft
        _settle(draft)
        _name(draft, path, replace)
    except FileExistsError:
        raise ConfigError(_taken(path)) from None
    except OSError as problem:
        raise ConfigError(f"{path}: cannot be written ({problem.strerror or problem})") from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _name(draft: Path, path: Path, replace: bool) -> None:
    if replace:
        draft.replace(path)
        return
    os.link(draft, path)  # unlike a rename it refuses where the name is taken


def _settle(draft: Path) -> None:
    """What was written is on the disk before it gets its name."""
    file = os.open(draft, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _taken(path: Path) -> str:
    return f"{path} is there already, and nothing is overwritten: name another file, or move it away"
