"""JSON in small pieces: encoding one large document at once would keep the interpreter from the trading loop."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

DEPTH = 3
MOST_AT_ONCE = 200


def encode(value: Any, depth: int = DEPTH) -> bytes:
    """The value as JSON in UTF-8. The interpreter can be taken away after each part, which is a few microseconds."""
    return _text(value, depth).encode(errors="replace")  # a venue's words may hold half a character


def _text(value: Any, depth: int) -> str:
    if depth and isinstance(value, Mapping):
        parts = (f"{json.dumps(str(key))}:{_text(part, depth - 1)}" for key, part in value.items())
        return f"{{{','.join(parts)}}}"
    if isinstance(value, list | tuple):
        return _listed(value, depth)
    return _dumped(value)


def _dumped(value: Any) -> str:
    """A part at once. What is no number is not known: JSON has no word for it, and nobody could read the rest."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_known(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _known(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _known(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_known(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _listed(values: list[Any] | tuple[Any, ...], depth: int) -> str:
    if depth and len(values) <= MOST_AT_ONCE:
        return f"[{','.join(_text(value, depth - 1) for value in values)}]"
    starts = range(0, len(values), MOST_AT_ONCE)
    chunks = (_dumped(values[at : at + MOST_AT_ONCE]) for at in starts)
    return f"[{','.join(chunk[1:-1] for chunk in chunks)}]"
