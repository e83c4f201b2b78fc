"""What leaves this machine for others to read is rid of every secret that is known here, and of what looks like one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from hedger.ops.redact import MASK, Redactor

SECRETS_DIRECTORY = Path("/run/secrets")
_SHORTEST = 6  # what is shorter would be found in innocent text
_LONG = 12  # a part of a list, such as one address of several, that is long enough to be one by itself
_LARGEST = 65_536
_PARTS = re.compile(r"[\s,;\"'\[\]{}]+")
_WORD = r"(?:api[-_ ]?key|secret|token|passw(?:or)?d|passphrase|authorization|signature|private[-_ ]?key|cookie)"
_NAMED = re.compile(r"key|secret|token|pass|auth|credential|private|signature|cookie|dsn|url", re.IGNORECASE)
_PATTERNS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"(?i)(?<=bearer )\S+|(?<=basic )\S+"),
    re.compile(r"(?<=://)[^/\s@\"']+(?=@)"),
    re.compile(r"(?<![\w+/=-])(?=[\w+=-]*[0-9])(?=[\w+=-]*[A-Za-z])[\w+=-]{32,}(?![\w+/=-])"),
)
_TOLD = re.compile(rf"(?i)([\w-]*{_WORD}[\w-]*[\"']?\s*[:=]\s*[\"']?)([^\s\"',;&}}]+)")


class Scrubber:
    """Takes secrets out of texts: the given ones in every form, and what stands where a secret would."""

    def __init__(self, secrets: set[str]) -> None:
        self._known = Redactor({secret for secret in secrets if len(secret.strip()) >= _SHORTEST})

    def __call__(self, text: str) -> str:
        """The text without them."""
        text = self._known(text)
        for pattern in _PATTERNS:
            text = pattern.sub(MASK, text)
        return _TOLD.sub(lambda found: found.group(1) + MASK, text)


def secrets_here(environ: Mapping[str, str], *directories: Path) -> set[str]:
    """Every text on this machine that we know to be a secret: variables whose names say so, the files that variables
    name, secret files, and tokens in the given directories. What cannot be read is none that we could tell."""
    values = [value for name, value in environ.items() if _NAMED.search(name)]
    named = {*values, *(part for value in values for part in _PARTS.split(value) if len(part) >= _LONG)}
    files = [Path(value) for name, value in environ.items() if _names_a_secret_file(name) and value]
    secret_files = Path(environ.get("HEDGER_SECRETS_DIR") or SECRETS_DIRECTORY)
    files += [*_files_in(secret_files), *(path for place in directories for path in place.glob("*token*"))]
    return named | {text for path in files for text in _text_of(path)}


def _names_a_secret_file(name: str) -> bool:
    """Not every file that a variable names: certificates are long, and secret to nobody."""
    return name.endswith("_FILE") and (name.startswith("HEDGER_") or bool(_NAMED.search(name)))


def _files_in(directory: Path) -> list[Path]:
    try:
        return [path for path in directory.iterdir() if path.is_file()]
    except OSError:
        return []


def _text_of(path: Path) -> Iterator[str]:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return
    try:
        text = os.read(file, _LARGEST).decode(errors="replace").strip()
    except OSError:
        return
    finally:
        os.close(file)
    yield text
