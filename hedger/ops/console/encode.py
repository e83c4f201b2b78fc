"""JSON in small pieces: encoding one large document at once would keep the interpreter from the trading loop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

DEPTH = 3
MOST_AT_ONCE = 200


def encode(value: Any, depth: int = DEPTH) -> bytes:
    """The value as JSON in UTF-8. The interpreter can be taken away after each part, which is a few microseconds."""
    return _text(value, depth).encode()


def _text(value: Any, depth: int) -> str:
    if depth and isinstance(value, Mapping):
        parts = (f"{json.dumps(str(key))}:{_text(part, depth - 1)}" for key, part in value.items())
        return f"{{{','.join(parts)}}}"
    if isinstance(value, list | tuple):
        return _listed(value, depth)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _listed(values: list[Any] | tuple[Any, ...], depth: int) -> str:
    if depth and len(values) <= MOST_AT_ONCE:
        return f"[{','.join(_text(value, depth - 1) for value in values)}]"
    starts = range(0, len(values), MOST_AT_ONCE)
    chunks = (json.dumps(values[at : at + MOST_AT_ONCE], ensure_ascii=False, separators=(",", ":")) for at in starts)
    return f"[{','.join(chunk[1:-1] for chunk in chunks)}]"
