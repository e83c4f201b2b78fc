"""Client order ids: sixteen characters that say whose order it is and which start of the program made it.

Layout, all of `[0-9a-z]`: `h`, bot (3), epoch (4, base 36), sequence (6, base 36), check (2). It fits the
limits of every venue that we know, and one intent has one id for ever.
"""

from __future__ import annotations

from dataclasses import dataclass

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 16
MAX_EPOCH = 36**4 - 1
MAX_SEQUENCE = 36**6 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIdentity:
    """The parts of a client order id."""

    bot: str
    epoch: int
    sequence: int


def format_order_id(identity: OrderIdentity) -> str:
    """The client order id of an identity; raises ValueError where a part does not fit."""
    if len(identity.bot) != 3 or any(c not in _DIGITS for c in identity.bot):
        raise ValueError("a bot tag is three characters of 0-9a-z")
    if not 0 <= identity.epoch <= MAX_EPOCH or not 0 <= identity.sequence <= MAX_SEQUENCE:
        raise ValueError("epoch or sequence does not fit a client order id")
    body = f"h{identity.bot}{_base36(identity.epoch, 4)}{_base36(identity.sequence, 6)}"
    return body + _check(body)


def parse_order_id(text: str) -> OrderIdentity | None:
    """The identity in a client order id, None if it is not one of this program's."""
    if len(text) != _LENGTH or text[0] != "h" or any(c not in _DIGITS for c in text):
        return None
    if _check(text[:14]) != text[14:]:
        return None
    return OrderIdentity(bot=text[1:4], epoch=int(text[4:8], 36), sequence=int(text[8:14], 36))


def _base36(value: int, width: int) -> str:
    digits = []
    for _ in range(width):
        value, digit = divmod(value, 36)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def _check(body: str) -> str:
    """Two characters that catch any one wrong character and any swap of neighbours."""
    total = sum((place + 1) * int(c, 36) for place, c in enumerate(body))
    return _base36(total % 1296, 2)
