"""The ids that Bybit gives: UUIDs for contracts and long numbers for spot, each of which tells the exchange's own."""

from __future__ import annotations

from random import Random

from hedger.sim.dialects.bybit.names import Category

SPOT_ORDERS, SPOT_TRADES = 1_500_000_000_000_000_000, 2_210_000_000_000_000_000


class Ids:
    """Ids of orders and of executions. What differs by `seed` is their look."""

    def __init__(self, seed: int) -> None:
        rng = Random(f"{seed}/bybit/ids")
        self._order, self._execution, self._other = (_stem(rng) for _ in range(3))

    def order(self, category: Category, number: int) -> str:
        """The id of an order."""
        return str(SPOT_ORDERS + number) if category is Category.SPOT else f"{self._order}-{number:012x}"

    def order_number(self, text: str) -> int | None:
        """The exchange's number of an order; None for what is no such id."""
        if text.isdigit():
            return int(text) - SPOT_ORDERS
        stem, _, number = text.rpartition("-")
        return int(number, 16) if stem == self._order and _is_hex(number) else None

    def execution(self, category: Category, number: int) -> str:
        """The id of an execution."""
        return str(SPOT_TRADES + number) if category is Category.SPOT else f"{self._execution}-{number:012x}"

    def other(self, number: int) -> str:
        """The id of anything else that has a number: a message, a funding payment."""
        return f"{self._other}-{number:012x}"


def _stem(rng: Random) -> str:
    digits = f"{rng.getrandbits(80):020x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-a{digits[15:18]}"


def _is_hex(text: str) -> bool:
    return len(text) == 12 and all(digit in "0123456789abcdef" for digit in text)
