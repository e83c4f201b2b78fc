"""Our values as JSON and back, exactly: a Decimal keeps its exponent, so the same facts give the same bytes again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python


def encode(value: object) -> bytes:
    """A value as JSON; sets in order, so that every process writes the same bytes.

    A venue may say half a character (`\\ud83d`), for which UTF-8 has no bytes: a question mark stands in its place.
    """
    try:
        return to_json(value, fallback=_plain)
    except PydanticSerializationError as problem:
        if "surrogates" not in str(problem):
            raise
        return to_json(_writable(to_jsonable_python(value, fallback=_plain)))


def writable(text: str) -> str:
    """A text with a question mark for each half of a character."""
    return text.encode(errors="replace").decode()


def ordered(value: object) -> object:
    """A value with every set in it as a sorted list; for values of types that hold sets."""
    match value:
        case frozenset():
            return sorted(value)
        case Mapping():
            return {key: ordered(held) for key, held in value.items()}
        case tuple() if not hasattr(value, "_fields"):
            return [ordered(held) for held in value]
        case _ if is_dataclass(value):
            return {field.name: ordered(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value


@cache
def holds_sets(hint: Any) -> bool:
    """Whether values of a type can hold a set."""
    if (get_origin(hint) or hint) is frozenset:
        return True
    named = is_dataclass(hint) or hasattr(hint, "_fields")
    return any(holds_sets(part) for part in (_hints(hint).values() if named else get_args(hint)))


def decode(hint: Any, value: Any) -> Any:
    """A value of a type from what `json.loads` made of it; raises ValueError or TypeError where it is not one."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _one_of(get_args(hint), value)
    if origin is not None:
        return _container(origin, get_args(hint), value)
    if hint is Decimal or issubclass(hint, Enum):
        return hint(value)
    if is_dataclass(hint):
        return _named(hint, value)
    if hasattr(hint, "_fields"):
        parts = value.split(",", 1) if isinstance(value, str) else value  # as a key it is one text
        return hint(*(decode(h, part) for h, part in zip(_hints(hint).values(), parts, strict=True)))
    if type(value) is not hint:
        raise ValueError(f"{type(value).__name__} where {hint.__name__} was expected")
    return value


def _writable(value: object) -> object:
    match value:
        case str():
            return writable(value)
        case dict():
            return {key: _writable(held) for key, held in value.items()}
        case list():
            return [_writable(held) for held in value]
        case _:
            return value


def _plain(value: object) -> object:
    """What JSON has no word for: a read-only view of a mapping."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be written")


def _container(origin: Any, parts: tuple[Any, ...], value: Any) -> object:
    if issubclass(origin, Mapping):
        return {decode(parts[0], key): decode(parts[1], held) for key, held in value.items()}
    if origin is tuple and parts[-1] is not Ellipsis:
        return tuple(decode(hint, held) for hint, held in zip(parts, value, strict=True))
    return origin(decode(parts[0], held) for held in value)


def _one_of(hints: Iterable[Any], value: Any) -> object:
    """The one type whose fields these are. Types with the same fields cannot be told apart here."""
    fitting = [hint for hint in hints if hint is not NoneType]
    if value is None:
        return None
    if len(fitting) > 1:
        fitting = [hint for hint in fitting if isinstance(value, dict) and _hints(hint).keys() == value.keys()]
    if len(fitting) != 1:
        raise ValueError("it fits no type, or several")
    return decode(fitting[0], value)


def _named(hint: Any, value: Mapping[str, Any]) -> object:
    """A dataclass by its fields: those that a program of another version did not know take their defaults."""
    hints = _hints(hint)
    unknown = value.keys() - hints.keys()
    if unknown:
        raise ValueError(f"{hint.__name__} has no {', '.join(sorted(unknown))}")
    return hint(**{name: decode(hints[name], held) for name, held in value.items()})


@cache
def _hints(hint: Any) -> dict[str, Any]:
    return get_type_hints(hint)
