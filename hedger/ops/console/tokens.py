"""The console's own token: made by chance at the first start, kept in the state directory, for its user's eyes only."""

from __future__ import annotations

import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from hedger.errors import ConfigError
from hedger.runtime.kill import sync_directory

NAME = "console-token"
SHORTEST_TOKEN = 32
_LARGEST = 512
_SENDABLE = re.compile(rf"[!-~]{{{SHORTEST_TOKEN},}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What opens the console: `act` to act, `read` (None: nobody needs one) or `act` to read."""

    act: str = field(repr=False)
    read: str | None = field(default=None, repr=False)
    reads_freely: bool = False

    def __post_init__(self) -> None:
        """Raises ConfigError, without the token, for one that can be guessed or that no header can carry."""
        for token in (self.act, self.read):
            if token is not None and not _SENDABLE.fullmatch(token):
                raise ConfigError(f"console.token: give it at least {SHORTEST_TOKEN} characters of chance, in ASCII")


def own_token(directory: Path) -> str:
    """The token in `directory`, made where there is none. Raises ConfigError for one that others can read or replace,
    and for what is not a token."""
    path = directory / NAME
    try:
        return _made(path) if not os.path.lexists(path) else read_token(path)
    except OSError as problem:
        raise ConfigError(f"{path}: the console's token cannot be kept there ({problem.strerror})") from None


def read_token(path: Path) -> str:
    """The token that a file holds; raises ConfigError as `own_token` does, and OSError."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError:
        raise ConfigError(f"{path} must be a plain file of this user's: remove it, and a new token is made") from None
    with os.fdopen(file, "rb") as opened:
        found = os.fstat(opened.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise ConfigError(f"{path} must be a plain file of this user's: remove it, and a new token is made")
        if found.st_mode & 0o077:
            raise ConfigError(f"{path} can be read by others: remove it, and a new token is made")
        text = opened.read(_LARGEST + 1).decode("ascii", errors="replace").strip()
    if len(text) > _LARGEST or not _SENDABLE.fullmatch(text):
        raise ConfigError(f"{path} holds no token: remove it, and a new one is made")
    return text


def _made(path: Path) -> str:
    """A new token, on disk in one piece before anybody is told of it."""
    token, draft = secrets.token_urlsafe(32), path.with_name(f".{NAME}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
        file.write(f"{token}\n")
        file.flush()
        os.fsync(file.fileno())  # an empty one, after a power cut, would keep the next start from beginning
    draft.replace(path)
    sync_directory(path.parent)
    return token
