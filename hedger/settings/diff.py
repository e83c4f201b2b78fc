"""What differs between two configurations: key, what it was and will be as text, and when it takes effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, SecretStr

from hedger.settings.effects import Effect, effect_of
from hedger.settings.explain import MASK, text_of
from hedger.settings.schema import Settings
from hedger.settings.shape import Path, dotted

NOTHING, CHANGED = "–", "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One setting that differs. A dash is nothing; of a secret no more is said than that it changed."""

    key: str
    was: str
    will: str
    effect: Effect


def diff(old: Settings, new: Settings) -> tuple[Change, ...]:
    """Every setting that differs, in the order of the schema; equal configurations differ in nothing, however they
    are written."""
    return tuple(_between(old, new, (), ()))


def restarts(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Those that take effect only at a start."""
    return tuple(change for change in changes if change.effect is Effect.RESTART)


def _between(old: object, new: object, path: Path, kind: Path) -> Iterator[Change]:
    """The differences of two values at a path; `kind` is the path with `<name>` for names that an owner chooses."""
    if isinstance(old, BaseModel) and isinstance(new, BaseModel):
        for name in type(old).model_fields:
            yield from _between(getattr(old, name), getattr(new, name), (*path, name), (*kind, name))
    elif isinstance(old, dict) and isinstance(new, dict) and _hold_tables(*old.values(), *new.values()):
        for name in dict.fromkeys((*old, *new)):
            inner = (*kind, "<name>") if name in old and name in new else kind
            yield from _between(old.get(name), new.get(name), (*path, name), inner)
    elif isinstance(old, tuple) and isinstance(new, tuple) and _hold_tables(*old, *new):
        for index in range(max(len(old), len(new))):
            before, after = (rows[index] if index < len(rows) else None for rows in (old, new))
            yield from _between(before, after, (*path, index), kind)
    elif old != new:
        was, will = _texts(old, new)
        yield Change(key=dotted(path), was=was, will=will, effect=effect_of(kind))


def _hold_tables(*values: object) -> bool:
    return any(isinstance(value, BaseModel) for value in values)


def _texts(old: object, new: object) -> tuple[str, str]:
    if isinstance(old, SecretStr) or isinstance(new, SecretStr):
        return NOTHING if old is None else MASK, NOTHING if new is None else CHANGED
    return _text(old), _text(new)


def _text(value: object) -> str:
    """A value as text; a whole table as its settings, without those that are not given."""
    if not isinstance(value, BaseModel):
        return text_of(value)
    told = ((name, _text(getattr(value, name))) for name in type(value).model_fields)
    return ", ".join(f"{name} = {text}" for name, text in told if text != NOTHING)
