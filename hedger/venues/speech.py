"""How a venue says no: the code and the words in the body of an answer, whatever its status."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hedger.model.order import RejectReason

Code = int | str
# What a code proves of a create; where one code has several meanings, by words (in lower case) of its message.
Refusals = Mapping[Code, RejectReason | Mapping[str, RejectReason]]


class Said(NamedTuple):
    """The venue's own code and words. Without a code it said nothing against the request."""

    code: Code | None
    message: str


SILENT = Said(None, "")
# What an answer says whose words cannot be read: no table has the code, so it is refused and proves nothing.
UNREADABLE = Said("unreadable", "")
# Reads the status and the body of an answer.
Hear = Callable[[int, str], Said]


def heard(hear: Hear, status: int, body: str) -> Said:
    """What the venue said, whatever form it has: a number of thousands of digits is none to Python. Never raises."""
    try:
        return hear(status, body)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return UNREADABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """What a venue's codes mean. A code that stands nowhere proves nothing.

    `refused` proves that a create was not accepted, under a status of `refusing`; `keys` refuse the keys, `shut_out`
    are said to a banned address as well; `hopeless` never pass by themselves and `passing` may; `too_many` asks for
    fewer requests, `banned` for none; `wrong_time` finds fault with a request's time; `doubtful` prove nothing,
    though they come under 429.
    """

    refused: Refusals
    refusing: Collection[int] = range(400, 500)
    keys: Collection[Code] = frozenset()
    shut_out: Collection[Code] = frozenset()
    hopeless: Collection[Code] = frozenset()
    passing: Collection[Code] = frozenset()
    too_many: Collection[Code] = frozenset()
    banned: Collection[Code] = frozenset()
    wrong_time: Collection[Code] = frozenset()
    doubtful: Collection[Code] = frozenset()


def body_of(text: str) -> dict[str, Any]:
    """The JSON object in a body, empty for anything else: an object that names a key twice is none."""
    try:
        body = json.loads(text or "{}", object_pairs_hook=once_each)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; ValueError where it names a key twice, for then nobody knows which is meant."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is named twice")
    return found


# Where success and refusal both come under 200.
ANY_OR_4XX = frozenset({200, *range(400, 500)})
