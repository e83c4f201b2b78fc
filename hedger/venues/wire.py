"""What any venue's payloads are read with: anything missing, of another kind, or out of range is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

_NUMBER = re.compile(r"[+-]?[0-9]{1,24}(?:\.[0-9]{1,24})?(?:[eE][+-]?[0-9]{1,2})?")
_LARGEST = Decimal(10) ** 18


def _decimal(value: object) -> Decimal:
    """A finite decimal from its text or from a whole number; a float has already lost its digits."""
    text = str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value
    if not isinstance(text, str) or _NUMBER.fullmatch(text) is None:
        raise ValueError("not a number")
    number = Decimal(text)
    if abs(number) > _LARGEST:
        raise ValueError("out of range")
    return number


def _blank(value: object) -> object:
    """Where a venue says with an empty text that there is no number."""
    return None if value == "" else value


def _whole(value: object) -> object:
    """A whole number that a venue sends as text."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value


Number = Annotated[Decimal, BeforeValidator(_decimal)]
Positive = Annotated[Decimal, BeforeValidator(_decimal), Field(gt=0)]
NotNegative = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0)]
MaybeNumber = Annotated[Number | None, BeforeValidator(_blank)]
# Milliseconds since 1970, between 2017 and 2096: neither seconds nor microseconds.
Moment = Annotated[int, Field(strict=True, ge=1_500_000_000_000, le=4_000_000_000_000)]
TextMoment = Annotated[Moment, BeforeValidator(_whole)]
Identifier = Annotated[int, Field(strict=True, ge=0)]
Name = Annotated[str, Field(strict=True, min_length=1, max_length=64)]
Flag = Annotated[bool, Field(strict=True)]


class Payload(BaseModel):
    """A part of an answer. What else the venue adds is ignored; what we need must be there."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


def reader(shape: Any) -> Callable[[Any], Any]:
    """A function that reads a payload as `shape`, raising ValueError for any other."""
    adapter: TypeAdapter[Any] = TypeAdapter(shape)
    return adapter.validate_python
