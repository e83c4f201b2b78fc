"""The configuration read again from where it was read at the start, whole, once its file is at rest."""

from __future__ import annotations

import hashlib
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hedger.errors import AskAgain, ConfigError
from hedger.settings.load import load_settings, places_of
from hedger.settings.schema import Settings

QUIET_S = 0.3
_LARGEST = 1_000_001  # more is refused by whoever parses it


class _Mark(NamedTuple):
    """What tells one state of a file from another."""

    mode: int
    digest: str


def read_again(settings: Settings, wait: Callable[[float], None] = time.sleep) -> Settings:
    """What the same file, environment, secret files and command line say now, checked as at a start.

    It takes about a third of a second: an editor may be writing the file, and a half of it may be good TOML that says
    less. So the file must be the same before and after that wait. Raises ConfigError or CredentialsError for what
    cannot be used, and AskAgain for a file that is being written.
    """
    places = places_of(settings)
    if places.path is None:
        raise ConfigError("it was started without a configuration file, so there is nothing to read again")
    if _never_ends(places.path):
        raise ConfigError(f"{places.path} is not a file but a pipe or a device, which cannot be read again")
    before = _mark_of(places.path)
    wait(QUIET_S)
    fresh = load_settings(places.path, places.overrides, places.environ)
    if before is None or _mark_of(places.path) != before:
        raise AskAgain(f"{places.path} is being written just now: reload again once it is saved")
    if before.mode & stat.S_IWOTH:
        raise ConfigError(
            f"{places.path}: every user of this machine may write it, and whoever writes it moves money: "
            f"chmod o-w {places.path}"
        )
    return fresh


def _never_ends(path: Path) -> bool:
    """Whether whoever opens it may wait for ever: each look would leave a thread behind, and no end could be in order.
    What is not there, and a folder, are for whoever loads it to tell."""
    try:
        kind = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(kind) or stat.S_ISDIR(kind))


def _mark_of(path: Path) -> _Mark | None:
    """None where it cannot be read: whoever loads it says why."""
    try:
        with path.open("rb") as file:
            return _Mark(path.stat().st_mode, hashlib.sha256(file.read(_LARGEST)).hexdigest())
    except OSError:
        return None
