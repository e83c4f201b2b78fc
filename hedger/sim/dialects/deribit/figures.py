"""Numbers as Deribit writes them: JSON numbers."""

from __future__ import annotations

from decimal import Decimal


def figure(value: Decimal) -> int | float:
    """The shortest JSON number that says the same; zero has no sign."""
    whole = int(value)
    return whole if whole == value else float(value)


def price_or_zero(price: Decimal | None) -> int | float:
    """A price, 0 where there is none: an empty side of a book."""
    return figure(price) if price is not None else 0
