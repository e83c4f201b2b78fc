"""How MEXC frames what it sends: the answer around the data, pages, and its ways to write ids and numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, ConfigDict, Field

from hedger.venues.wire import Name, Payload, reader

MOST_DEPTH = 20


def is_good(payload: Any) -> bool:
    """Whether an answer of the contract API says of itself that it succeeded."""
    return isinstance(payload, dict) and payload.get("success") is True and payload.get("code") in (0, "0", 200)


def answered(shape: Any) -> Callable[[Any], Any]:
    """A function that reads the `data` of a good answer as `shape`, raising ValueError for anything else."""
    read = reader(shape)

    def understand(payload: Any) -> Any:
        if not is_good(payload) or "data" not in payload:
            raise ValueError("not an answer of MEXC")
        return read(payload["data"])

    return understand


class Row(Payload):
    """A row of a list, unread but for what it is about: what is odd about one must not hide the others."""

    model_config = ConfigDict(extra="allow")

    symbol: Name


class Page(NamedTuple):
    """The rows of one page, and how many there are on all, where the venue says so."""

    rows: list[Any]
    total: int | None


class _Paged(Payload):
    resultList: list[Any]
    totalCount: Annotated[int | None, Field(strict=True, ge=0)] = None


_read_list = reader(list[Any])
_read_paged = reader(_Paged)


def page_of(payload: Any, read: Callable[[Any], Any]) -> Page:
    """One page, which the venue sends as a list, or as `resultList` with a count; ValueError for anything else."""
    if not is_good(payload) or "data" not in payload:
        raise ValueError("not an answer of MEXC")
    data = payload["data"]
    if isinstance(data, list):
        return Page(read(_read_list(data)), None)
    told = _read_paged(data)
    return Page(read(told.resultList), told.totalCount)


def as_text(data: Any, depth: int = 0) -> Any:
    """What a frame says, with its fractions as text: the client has read them as floats, of which the shortest text
    is what was sent."""
    if depth > MOST_DEPTH:
        raise ValueError("a frame within frames")
    if isinstance(data, dict):
        return {key: as_text(value, depth + 1) for key, value in data.items()}
    if isinstance(data, list):
        return [as_text(value, depth + 1) for value in data]
    return repr(data) if isinstance(data, float) else data


def _id(value: object) -> object:
    """An order's or a trade's number, which comes as a number or as text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else value


def _whole(value: object) -> object:
    """A small number that may come as text."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value


VenueId = Annotated[Name, BeforeValidator(_id)]
ClientId = Annotated[str, Field(strict=True, max_length=64)]
MaybeClientId = Annotated[ClientId | None, Field()]
Small = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=0, le=10**9)]
