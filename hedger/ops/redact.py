"""Secrets are replaced wherever they stand in a text, in every form that a library may have put them in."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Iterator
from urllib.parse import quote, quote_plus

MASK = "•••"
_SHORTEST_FORM = 6  # a shorter piece of an encoding would be found in innocent text


class Redactor:
    """Replaces the given secrets, and their base64, hex, URL-quoted and JSON forms, by `•••`.

    Base64 is recognised at each of its three alignments, because a secret may stand in the middle of what was
    encoded. The lines of a secret that has several (a private key) are secrets too.
    """

    def __init__(self, secrets: Collection[str]) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.learn(*secrets)

    def learn(self, *secrets: str) -> None:
        """Replace these too from now on."""
        self._known.update(form for secret in secrets for form in _forms(secret))
        ordered = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)


def _forms(secret: str) -> Iterator[str]:
    pieces = {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}
    for piece in pieces:
        if piece and (piece == secret.strip() or len(piece) >= _SHORTEST_FORM):
            yield piece
            yield from (form for form in _encoded(piece) if len(form) >= _SHORTEST_FORM)


def _encoded(secret: str) -> Iterator[str]:
    raw = secret.encode()
    yield raw.hex()
    yield raw.hex().upper()
    for quoted in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        yield quoted
        yield re.sub("%..", lambda found: found.group().lower(), quoted)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    for offset in range(3):
        yield from _base64_at(raw, offset)


def _base64_at(raw: bytes, offset: int) -> Iterator[str]:
    """The characters of base64 that depend on nothing but `raw`, when `offset` (mod 3) bytes stand before it."""
    text = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
    first = (0, 2, 3)[offset]
    last = (offset + len(raw)) * 8 // 6
    inner = text[first:last]
    yield inner
    yield inner.replace("+", "-").replace("/", "_")
