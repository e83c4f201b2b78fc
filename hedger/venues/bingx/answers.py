"""How BingX frames what it sends: the answer around the data, and its ways to write ids, flags and moments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from hedger.venues.wire import Flag, Moment, Name, reader


def answered(shape: Any) -> Callable[[Any], Any]:
    """A function that reads the `data` of a good answer as `shape`, raising ValueError for anything else."""
    read = reader(shape)

    def understand(payload: Any) -> Any:
        if not isinstance(payload, dict) or payload.get("code") not in (0, "0") or "data" not in payload:
            raise ValueError("not an answer of BingX")
        return read(payload["data"])

    return understand


def _id(value: object) -> object:
    """An order's or a trade's number, which comes as a number or as text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else value


def _yes_or_no(value: object) -> object:
    """A flag, which comes as one or as text."""
    return {"true": True, "false": False, "": None}.get(value, value) if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _zoned(value: object) -> object:
    """Milliseconds from `2023-07-04T20:56:01.000+0800`; without a zone nobody knows when that was."""
    if not isinstance(value, str):
        return value
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return round(moment.timestamp() * 1000)


def _whole(value: object) -> object:
    """A whole number, which comes as one or as text; it may be left out, but not be nothing."""
    if value is None:
        raise ValueError("not a number")
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value


MaybeHours = Annotated[Annotated[int, Field(strict=True, ge=1, le=24)] | None, BeforeValidator(_whole)]
VenueId = Annotated[Name, BeforeValidator(_id)]
ClientId = Annotated[str, Field(strict=True, max_length=64)]
MaybeFlag = Annotated[Flag | None, BeforeValidator(_yes_or_no)]
TextFlag = Annotated[Flag, BeforeValidator(_yes_or_no)]
ZonedMoment = Annotated[Moment, BeforeValidator(_zoned)]
SideName = Literal["BUY", "SELL"]
# A taker fill halts, so what is neither a maker's nor a taker's is not guessed.
Role = Annotated[Literal["maker", "taker"], BeforeValidator(_lower)]


def one_id(first: str, second: str) -> str:
    """What two fields for one thing say; ValueError where they differ."""
    if first and second and first != second:
        raise ValueError("an order has two ids of ours")
    return first or second
