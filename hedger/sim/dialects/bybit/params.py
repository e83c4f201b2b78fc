"""A request's parameters: a query of strings or a JSON body, read as strictly as Bybit reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import parse_qsl

from hedger.sim.dialects.bybit.names import Category
from hedger.sim.dialects.bybit.refusals import ApiError

_INTEGER = re.compile(r"\d{1,19}")
_NUMBER = re.compile(r"\d{1,20}(\.\d{1,20})?")


@dataclass(frozen=True, slots=True)
class Params:
    """Names and values; readers raise 10001. An empty text is as good as none."""

    values: Mapping[str, object]

    @classmethod
    def parse(cls, method: str, query: str, body: str) -> Params:
        """A GET has its parameters in the query, a POST in a JSON object."""
        if method != "POST":
            return cls(dict(parse_qsl(query, keep_blank_values=True)))
        try:
            values = json.loads(body) if body else {}
        except ValueError:
            raise ApiError(10001, "params error: the body is not JSON") from None
        if not isinstance(values, dict):
            raise ApiError(10001, "params error: the body is not an object")
        return cls(values)

    def optional(self, name: str) -> str | None:
        """A text, None if it was not sent or is empty."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise ApiError(10001, f"params error: {name} must be a string")
        return value

    def text(self, name: str) -> str:
        """A mandatory text."""
        value = self.optional(name)
        if value is None:
            raise ApiError(10001, f"params error: {name} is required")
        return value

    def choice(self, name: str, choices: Mapping[str, object] | tuple[str, ...]) -> str:
        """One of `choices`, mandatory."""
        value = self.text(name)
        if value not in choices:
            raise ApiError(10001, f"params error: {name} invalid")
        return value

    def category(self) -> Category:
        """The mandatory product type."""
        value = self.text("category")
        try:
            return Category(value)
        except ValueError:
            raise ApiError(10001, "params error: category invalid") from None

    def decimal(self, name: str) -> Decimal | None:
        """A number without sign or exponent, sent as a text; None if it was not sent."""
        value = self.optional(name)
        if value is None:
            return None
        if not _NUMBER.fullmatch(value):
            raise ApiError(10001, f"params error: {name} invalid")
        return Decimal(value)

    def integer(self, name: str) -> int | None:
        """A whole number, as a number or a text; None if it was not sent."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not _INTEGER.fullmatch(str(value)):
            raise ApiError(10001, f"params error: {name} invalid")
        return int(str(value))

    def boolean(self, name: str) -> bool:
        """True or false; false if it was not sent."""
        value = self.values.get(name)
        if value in (None, "", False, "false"):
            return False
        if value not in (True, "true"):
            raise ApiError(10001, f"params error: {name} invalid")
        return True

    def limit(self, default: int, most: int) -> int:
        """The length of a page; beyond `most` it is `most`."""
        limit = self.integer("limit")
        if limit == 0:
            raise ApiError(10001, "params error: limit invalid")
        return default if limit is None else min(limit, most)
