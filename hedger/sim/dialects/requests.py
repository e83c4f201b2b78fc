"""What arrives at a venue's address over HTTP, and what goes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

Body = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What arrived: `query` and `body` are raw, as they were signed; `headers` have lower-case names."""

    method: str
    path: str
    query: str = ""
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


def encode(value: object) -> str:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"))
