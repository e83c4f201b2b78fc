"""What helps somebody else to find a bug, in one file: settings, status, decisions, versions, and no secret."""

from __future__ import annotations

import io
import json
import os
import platform
import sys
import tarfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Any

from hedger.app.records import records
from hedger.app.scrub import Scrubber, secrets_here
from hedger.app.version import VERSION
from hedger.app.whole_file import refuse_taken, whole_file
from hedger.errors import HedgerError
from hedger.ops.figures import iso
from hedger.ops.redact import MASK
from hedger.runtime.journal import Journal
from hedger.settings.explain import config_digest, sources
from hedger.settings.load import load_settings

FOLDER = "hedger-bundle"
DECISIONS, EVENTS, ORDERS = 300, 300, 100
LOG_BYTES = 1_000_000
VERIFIED = 20_000
_TOLD = ("start", "prepared", "stop", "halt", "resume", "operator", "change", "trip", "quiet", "aside")
_CONCERNS_US = ("HEDGER_", "PYTHON", "LANG", "LC_", "TZ", "SSL_", "HTTP_", "HTTPS_", "NO_", "KUBERNETES_", "container")
_NEEDED = (
    "ccxt",
    "aiohttp",
    "numpy",
    "pydantic",
    "pydantic-settings",
    "prometheus-client",
    "rich",
    "structlog",
    "typer",
)
README = """\
What `hedger bundle` gathered for whoever looks for a bug. Look into it before you send it.

config.txt       every setting in force and where it came from; secrets and labels are masked
status.json      what the hedger said last
decisions.jsonl  the last decisions
orders.jsonl     the last orders
events.jsonl     starts, ends, halts, what persons asked for, changes that we did not make
journal.json     what is in the journal, and whether its newest rows are as they were written
state.txt        the files of the state directory: names, sizes, modes
log.txt          the end of the log, where it was named with --log
stacks.txt       the stacks that a watchdog or SIGQUIT wrote
versions.json    the program, Python, the libraries, the system
environment.txt  names of variables, never a value

It holds balances, positions and prices. It holds no key: every secret that is known on the machine was taken out of
every file, and what only looks like one too.
"""


def bundle(
    path: Path, directory: Path, *, config: Path | None, environ: Mapping[str, str], log: Path | None = None
) -> dict[str, int]:
    """Write the file and return its parts with their sizes in bytes.

    A part that cannot be had says why in its place: that is news too. Raises ConfigError where the file cannot be
    written or is there already.
    """
    refuse_taken(path)
    scrub = Scrubber(secrets_here(environ, directory, directory.parent))
    parts: dict[str, Callable[[], str]] = {
        "README.txt": lambda: README,
        "config.txt": lambda: _config(config, environ),
        "status.json": lambda: (directory / "status.json").read_text(encoding="utf-8"),
        "decisions.jsonl": lambda: _newest(directory, "decisions", DECISIONS),
        "orders.jsonl": lambda: _newest(directory, "orders", ORDERS),
        "events.jsonl": lambda: _events(directory),
        "journal.json": lambda: _journal(directory),
        "state.txt": lambda: "\n".join(_files(directory)),
        "log.txt": lambda: "no log was named: --log FILE" if log is None else _end_of(log),
        "stacks.txt": lambda: _end_of(directory / "stacks.txt"),
        "versions.json": lambda: json.dumps(versions(), indent=1),
        "environment.txt": lambda: "\n".join(n for n in sorted(environ) if n.startswith(_CONCERNS_US)),
    }
    texts = {name: scrub(_had(make)) for name, make in parts.items()}
    with whole_file(path) as draft, tarfile.open(draft, "w:gz") as archive:
        for name, text in texts.items():
            _put(archive, f"{FOLDER}/{name}", text.encode())
    return {name: len(text.encode()) for name, text in texts.items()}


def versions() -> dict[str, Any]:
    """The program, Python, the libraries and the system: nothing that names the machine or its user."""
    return {
        "hedger": VERSION,
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": os.cpu_count(),
        "libraries": {name: _version_of(name) for name in _NEEDED},
    }


def _version_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _had(make: Callable[[], str]) -> str:
    try:
        return make() or "(nothing)"
    except FileNotFoundError:
        return "(there is none)"
    except (HedgerError, OSError, UnicodeDecodeError) as problem:
        return f"could not be had: {problem}"


def _config(config: Path | None, environ: Mapping[str, str]) -> str:
    """The settings in force; the file itself stays here, for anything may stand in its comments."""
    settings = load_settings(config, {}, environ, to_run=False)
    rows = ((row.key, MASK if row.key.endswith(".label") else row.value, row.origin) for row in sources(settings))
    return "\n".join([f"digest {config_digest(settings)}", *(f"{key} = {value}  # {o}" for key, value, o in rows)])


def _newest(directory: Path, what: str, count: int) -> str:
    return "\n".join(json.dumps(row) for row in deque(records(directory, what), maxlen=count))


def _events(directory: Path) -> str:
    with closing(Journal.open(directory, read_only=True)) as journal:
        rows = journal.between(0, 2**62, _TOLD)[-EVENTS:]
    told = ({"at": iso(r.at), "epoch": r.epoch, "kind": r.kind, "key": r.key, "body": _body(r.body)} for r in rows)
    return "\n".join(json.dumps(row) for row in told)


def _body(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return "(not JSON)"


def _journal(directory: Path) -> str:
    with closing(Journal.open(directory, read_only=True)) as journal:
        told = {
            "bytes": journal.size(),
            "halted": journal.halted(),
            "paused": journal.paused(),
            "kinds": {kind: {"rows": rows, "first_at": a, "last_at": z} for kind, rows, a, z in journal.counts()},
            "starts": [start._asdict() for start in journal.starts()[:20]],
            "newest_rows": _verdict(journal),
        }
    return json.dumps(told, indent=1)


def _verdict(journal: Journal) -> str:
    try:
        journal.verify(newest=VERIFIED)
    except HedgerError as problem:
        return str(problem)
    return "as they were written"


def _files(directory: Path) -> Iterator[str]:
    for path in sorted(directory.iterdir()):
        found = path.lstat()
        yield f"{found.st_mode & 0o7777:04o} {found.st_size:>12} {path.name}"


def _end_of(path: Path) -> str:
    """The last part of a file, from the beginning of a line."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - LOG_BYTES))
        data = file.read(LOG_BYTES)
    text = data.decode(errors="replace")
    return text if size <= LOG_BYTES else text.partition("\n")[2]


def _put(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    """One file in it, without the names of this machine's user."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o600
    archive.addfile(entry, io.BytesIO(data))
