"""A request's parameters, read as strictly as Binance reads them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import parse_qsl

from hedger.sim.dialects.binance.refusals import ApiError, missing

_INTEGER = re.compile(r"-?\d{1,20}")
_NUMBER = re.compile(r"\d{1,20}(\.\d{1,20})?")
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Params:
    """Names and decoded values of query and body together; readers raise `ApiError`."""

    values: Mapping[str, str]

    @classmethod
    def parse(cls, query: str, body: str) -> Params:
        """Read both; a name sent twice is refused (-1101)."""
        values: dict[str, str] = {}
        for part in (query, body):
            for name, value in parse_qsl(part, keep_blank_values=True):
                if name in values:
                    raise ApiError(-1101, f"Too many values sent for parameter '{name}', maximum allowed up to '1'.")
                values[name] = value
        return cls(values)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def optional(self, name: str) -> str | None:
        """The value, None if it was not sent; an empty one is refused (-1105)."""
        value = self.values.get(name)
        if value == "":
            raise ApiError(-1105, f"Parameter '{name}' was empty.")
        return value

    def text(self, name: str) -> str:
        """The value of a mandatory parameter (-1102)."""
        value = self.values.get(name)
        if not value:
            raise missing(name)
        return value

    def integer(self, name: str) -> int | None:
        """A whole number, None if it was not sent (-1100)."""
        value = self.optional(name)
        if value is None:
            return None
        if not _INTEGER.fullmatch(value):
            raise _illegal(name, "^[0-9]{1,20}$")
        return int(value)

    def decimal(self, name: str) -> Decimal | None:
        """A number without sign or exponent, None if it was not sent (-1100)."""
        value = self.optional(name)
        if value is None:
            return None
        if not _NUMBER.fullmatch(value):
            raise _illegal(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
        return Decimal(value)

    def boolean(self, name: str, default: bool | None = None) -> bool:
        """`true` or `false`; mandatory (-1102) without a default."""
        value = self.optional(name)
        if value is None and default is not None:
            return default
        if value is None or value.lower() not in _BOOLEANS:
            raise missing(name)
        return _BOOLEANS[value.lower()]

    def choice(self, name: str, choices: Collection[str], *, code: int, what: str) -> str:
        """One of `choices`, mandatory; another is refused with `code`."""
        value = self.text(name)
        if value not in choices:
            raise ApiError(code, f"Invalid {what}.")
        return value

    def limit(self, default: int, most: int) -> int:
        """The `limit` parameter, between 1 and `most`."""
        limit = self.integer("limit")
        if limit is None:
            return default
        if limit < 1:
            raise ApiError(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(limit, most)

    def unread(self, known: Collection[str]) -> None:
        """Refuse (-1104) what an endpoint does not know, as spot does."""
        sent = len(self.values)
        read = sum(name in known for name in self.values)
        if read != sent:
            text = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
            raise ApiError(-1104, text)


def _illegal(name: str, legal: str) -> ApiError:
    return ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")
