"""A coin that a wallet lists no more is gone only where two lists agree; one that was held, only after half a minute.

Some venues list the coins of which there are some and leave the others out: there an answer that went wrong looks like
a coin that was sold.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal

from hedger.model.numeric import ZERO

# How long a coin that was held must be listed no more before that is believed.
VANISHED_MS = 30_000


async def listed_twice(listed: Callable[[], Awaitable[dict[str, Decimal]]], ours: frozenset[str]) -> dict[str, Decimal]:
    """The coins of a wallet: where one of ours is not listed it is asked for again; ValueError where that differs."""
    coins = await listed()
    if ours <= coins.keys():
        return coins
    again = await listed()
    if again.keys() != coins.keys():
        raise ValueError("two lists of the spot wallet, one after the other, name other coins")
    return again


class Vanished:
    """Remembers which coins were held, and since when they are not listed."""

    def __init__(self) -> None:
        # Of each coin of ours that was held: since when it is not listed, 0 while it is.
        self._missing: dict[str, int] = {}

    def believe(self, coins: Mapping[str, Decimal], ours: frozenset[str], now: int) -> dict[str, Decimal]:
        """What is listed, and none of each coin of ours that is not; ValueError where one was held until lately.

        `now` is our own time in ms.
        """
        doubted = [coin for coin in sorted(ours) if self._is_doubted(coin, coins, now)]
        if doubted:
            raise ValueError(f"the wallet held {doubted[0]} and does not list it: that is not believed at once")
        return dict.fromkeys(ours, ZERO) | dict(coins)

    def _is_doubted(self, coin: str, coins: Mapping[str, Decimal], now: int) -> bool:
        """Whether a coin was held until lately and is not listed; what is owed was held too."""
        if coin in coins:
            if coins[coin]:
                self._missing[coin] = 0
            else:
                self._missing.pop(coin, None)
            return False
        if coin not in self._missing:
            return False
        since = self._missing[coin] = self._missing[coin] or now
        return now - since < VANISHED_MS
