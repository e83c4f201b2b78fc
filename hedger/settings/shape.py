"""The tree of settings without its values: which tables and keys there are, and what a key may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hedger.settings.schema import Settings

Path = tuple[str | int, ...]

CREDENTIALS = frozenset({"api_key", "secret", "passphrase", "token", "read_token", "urls"})
OUTSIDE_THE_FILE = CREDENTIALS | {"live_armed"}

_LONGEST_PART = 40
_CREDENTIAL_LIKE = re.compile(r"key|secret|token|pass|^urls$", re.IGNORECASE)
_ACCOUNT_KEYS = frozenset({"venue", "key_environment", "dead_mans_switch_s"})


def dotted(path: Path) -> str:
    """`hedges.BTC.instruments[0]`; a part too long to be a key is cut, as it may be a misplaced value."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + _cut(part)
    return text


def _cut(part: str) -> str:
    part = "".join(c if c.isprintable() else "?" for c in part)
    return part if len(part) <= _LONGEST_PART else part[:8] + "…"


def may_be_secret(path: Path) -> bool:
    """Whether a value at `path` is, or may by its name be meant as, a credential."""
    if not path or isinstance(path[-1], int) or path[-1] in _ACCOUNT_KEYS:
        return False
    return (path[0] == "accounts" and len(path) == 3) or bool(_CREDENTIAL_LIKE.search(path[-1]))


def table_at(path: Path) -> type[BaseModel] | None:
    """The table that a path leads to; None where it leads to a value, to a list, or nowhere."""
    found = _walk(path)
    return found if _is_table(found) else None


def field_at(path: Path) -> FieldInfo | None:
    """The setting that a path leads to; None if the last part is not a key of a table."""
    table = table_at(path[:-1])
    return table.model_fields.get(str(path[-1])) if table and path else None


def keys_at(path: Path) -> tuple[str, ...]:
    """The keys that the table at `path` knows."""
    table = table_at(path)
    return tuple(table.model_fields) if table else ()


def tables() -> Iterator[tuple[Path, type[BaseModel]]]:
    """Every table with its path, `<name>` for names that the owner chooses and 0 for a list's entries."""
    yield from _tables((), Settings)


def plain_type(annotation: Any) -> Any:
    """An annotation without what it is annotated with, and without the None that it may also be."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, UnionType):
            annotation = next(a for a in get_args(annotation) if a is not NoneType)
        else:
            return annotation


def _tables(path: Path, table: type[BaseModel]) -> Iterator[tuple[Path, type[BaseModel]]]:
    yield path, table
    for name, field in table.model_fields.items():
        kind = plain_type(field.annotation)
        step: Path = (name,)
        if get_origin(kind) is dict:
            kind, step = plain_type(get_args(kind)[1]), (name, "<name>")
        elif get_origin(kind) is tuple:
            kind, step = plain_type(get_args(kind)[0]), (name, 0)
        if _is_table(kind):
            yield from _tables(path + step, kind)


def _walk(path: Path) -> Any:
    current: Any = Settings
    for part in path:
        current = plain_type(_step(current, part))
    return current


def _step(current: Any, part: str | int) -> Any:
    if _is_table(current):
        field = current.model_fields.get(part)
        return field.annotation if field else None
    if get_origin(current) is dict:
        return get_args(current)[1]
    return get_args(current)[0] if get_origin(current) is tuple else None


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
