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
        for coin in ours:
            self._believe(coin, coins, now)
        return dict.fromkeys(ours, ZERO) | dict(coins)

    def _believe(self, coin: str, coins: Mapping[str, Decimal], now: int) -> None:
        if coin in coins:
            if coins[coin] > 0:
                self._missing[coin] = 0
            else:
                self._missing.pop(coin, None)
        elif coin in self._missing:
            since = self._missing[coin] = self._missing[coin] or now
            if now - since < VANISHED_MS:
                raise ValueError(f"the spot wallet held {coin} and does not list it: that is not believed at once")
            del self._missing[coin]
