"""Where each setting came from, and a digest that tells one configuration from another, without secrets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from pydantic import BaseModel, SecretStr

from hedger.model.numeric import plain
from hedger.settings.schema import Settings
from hedger.settings.sentences import place_of
from hedger.settings.shape import CREDENTIALS, Path, dotted

MASK = "•••"


class Setting(NamedTuple):
    """One setting as it is in force: its dotted key, its value as text (secrets masked), and its origin.

    The origin is `default`, `built in`, `file:line`, `environment NAME`, `secret file PATH` or `command line`.
    """

    key: str
    value: str
    origin: str


def sources(settings: Settings) -> tuple[Setting, ...]:
    """Every setting in force and where it came from, in the order of the schema."""
    return tuple(Setting(dotted(path), text, _origin(settings, path)) for path, text in _leaves(settings, ()))


def config_digest(settings: Settings) -> str:
    """Sixteen hex digits that change with any setting but the credentials; formatting does not matter."""
    values = {dotted(path): text for path, text in _leaves(settings, ()) if path[-1] not in CREDENTIALS}
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _origin(settings: Settings, path: Path) -> str:
    """A value has an origin if it was given, or a list around it was; a table around it explains no default."""
    given = settings._origins
    if path in given:
        return given[path]
    lists = [path[:end] for end, part in enumerate(path) if isinstance(part, int)]
    whole = next((known for known in lists if known in given), None)
    return "default" if whole is None else place_of(path, given, "default")


def _leaves(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    """Lists of texts are one value; tables, and lists of tables, are gone through."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _leaves(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, tuple) and any(isinstance(entry, BaseModel) for entry in value):
        for index, entry in enumerate(value):
            yield from _leaves(entry, (*path, index))
    else:
        yield path, text_of(value)


def text_of(value: object) -> str:
    """A value as a person would write it; a secret is a mask, nothing is a dash."""
    match value:
        case None | ():
            return "–"
        case SecretStr():
            return MASK
        case bool():
            return str(value).lower()
        case Decimal():
            return plain(value)
        case dict():
            return ", ".join(f"{key} = {text_of(entry)}" for key, entry in value.items())
        case tuple():
            return ", ".join(str(entry) for entry in value)
        case _:
            return str(value)
