"""A request's parameters: strings from a query, or JSON values from a frame."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import parse_qsl

from hedger.sim.dialects.deribit.refusals import RpcError, invalid, missing

_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?([eE]-?\d{1,2})?")
_BOOLEANS = {"true": True, "false": False, "True": True, "False": False}


@dataclass(frozen=True, slots=True)
class Params:
    """Names and values; readers raise `RpcError` (-32602)."""

    values: Mapping[str, object]

    @classmethod
    def of_query(cls, query: str) -> Params:
        """The parameters of a GET."""
        return cls(dict(parse_qsl(query, keep_blank_values=True)))

    def has(self, name: str) -> bool:
        """Whether a parameter was sent, and not as null."""
        return self.values.get(name) is not None

    def optional(self, name: str) -> str | None:
        """The value as text, None if it was not sent."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str | int | float | Decimal):
            raise invalid(name, "wrong format")
        return str(value) if value is not None else None

    def text(self, name: str) -> str:
        """The value of a mandatory parameter."""
        value = self.optional(name)
        if not value:
            raise missing(name)
        return value

    def decimal(self, name: str) -> Decimal | None:
        """A number, None if it was not sent."""
        value = self.optional(name)
        if value is None:
            return None
        if not _NUMBER.fullmatch(value):
            raise invalid(name, "invalid number")
        return Decimal(value)

    def integer(self, name: str) -> int | None:
        """A whole number, None if it was not sent."""
        value = self.decimal(name)
        if value is not None and value != int(value):
            raise invalid(name, "must be an integer")
        return int(value) if value is not None else None

    def moment(self, name: str) -> int:
        """A mandatory instant, ms."""
        value = self.integer(name)
        if value is None:
            raise missing(name)
        return value

    def boolean(self, name: str) -> bool:
        """`true` or `false`; false if it was not sent."""
        value = self.values.get(name, False)
        if isinstance(value, bool):
            return value
        if not isinstance(value, str) or value not in _BOOLEANS:
            raise invalid(name, "must be a boolean")
        return _BOOLEANS[value]

    def choice(self, name: str, choices: Collection[str], default: str | None = None) -> str:
        """One of `choices`; mandatory without a default."""
        value = self.optional(name) or default
        if value is None:
            raise missing(name)
        if value not in choices:
            raise invalid(name, "value not in range")
        return value

    def count(self, default: int, most: int) -> int:
        """The `count` parameter, between 1 and `most`."""
        count = self.integer("count")
        if count is None:
            return default
        if not 1 <= count <= most:
            raise invalid("count", "value not in range")
        return count

    def names(self, name: str) -> list[str]:
        """A mandatory list of strings."""
        value = self.values.get(name)
        if isinstance(value, str):
            value = _listed(name, value)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise invalid(name, "must be an array of strings")
        return value


def _listed(name: str, text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise RpcError(-32602, "Invalid params", {"reason": str(error.msg), "param": name}) from None
