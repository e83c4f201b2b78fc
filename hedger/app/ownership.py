"""Who else may read or write what the hedger is told by: its state directory, its configuration, its secret files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from hedger.app.findings import Finding
from hedger.errors import JournalError
from hedger.runtime.lease import WRITABLE_BY_OTHERS, refuse_shared
from hedger.settings.explain import sources
from hedger.settings.rules import problems_of_credentials
from hedger.settings.schema import Settings
from hedger.settings.shape import dotted

_NAMED_SO = "secret file "
_READABLE_BY_GROUP = stat.S_IRGRP


def ownership_rows(settings: Settings, directory: Path, config: Path | None) -> Iterator[Finding]:
    """A row for each: the state directory once it is there, the configuration's file, and every secret file."""
    if os.path.isdir(directory):
        yield _directory(directory)
    if config is not None:
        yield _file("configuration file", config, "whoever can write it decides what is traded")
    for name in sorted({row.origin for row in sources(settings) if row.origin.startswith(_NAMED_SO)}):
        path = Path(name.removeprefix(_NAMED_SO))
        yield _file(f"secret file {path.name}", path, "whoever can write it can put other keys there", secret=True)


def keys_row(settings: Settings) -> Finding:
    """Whether the accounts have the keys that the mode needs, and where they come from; nothing of their values."""
    lacking = [f"{dotted(problem.path)} {problem.text}" for problem in problems_of_credentials(settings)]
    if lacking:
        return Finding(False, "keys given", "; ".join(lacking), "set them in the environment or as secret files")
    names = {"api_key", "secret", "passphrase"}
    rows = [row for row in sources(settings) if row.key.startswith("accounts.") and row.key.split(".")[-1] in names]
    origins = dict.fromkeys(row.origin for row in rows if row.origin != "default")
    return Finding(True, "keys given", ", ".join(origins) or "none are needed")


def _directory(directory: Path) -> Finding:
    check = "state directory's owner"
    try:
        refuse_shared(directory)
    except JournalError as problem:
        return Finding(
            False, check, str(problem), "whoever writes there may kill, resume and drain: keep it to one user"
        )
    except OSError as problem:
        return Finding(False, check, f"{directory}: {problem.strerror}", "give the directory to this user")
    return Finding(True, check, f"{directory} is this user's, and nobody else may write there")


def _file(check: str, path: Path, why: str, *, secret: bool = False) -> Finding:
    try:
        found = path.stat()
    except OSError as problem:
        return Finding(False, check, f"{path}: {problem.strerror}", "give the file to this user")
    mode = f"mode {stat.S_IMODE(found.st_mode):04o}"
    if found.st_uid not in (os.geteuid(), 0):
        return Finding(False, check, f"{path} belongs to another user (number {found.st_uid})", f"chown it: {why}")
    if found.st_mode & WRITABLE_BY_OTHERS:
        return Finding(False, check, f"{path} may be written by other users ({mode})", f"chmod go-w it: {why}")
    if secret and found.st_mode & _READABLE_BY_GROUP and os.getegid() != found.st_gid:
        return Finding(False, check, f"{path} may be read by another group ({mode})", "chmod 600 it")
    return Finding(True, check, f"{path}, {mode}")
