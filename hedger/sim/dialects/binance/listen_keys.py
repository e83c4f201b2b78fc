"""Listen keys: a user's stream is open for sixty minutes of the exchange's time after each sign of life."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from string import ascii_letters, digits

from hedger.sim.dialects.binance.refusals import ApiError
from hedger.sim.exchange import Exchange

VALID_MS = 60 * 60_000


class ListenKeys:
    """One key for each user at a time. `on_expired` is told a key whose hour has passed unrenewed."""

    def __init__(self, exchange: Exchange, chance: Random) -> None:
        self._exchange = exchange
        self._chance = chance
        self._keys: dict[str, str] = {}
        self._until: dict[str, int] = {}
        self.on_expired: Callable[[str], None] | None = None

    def active(self, user: str) -> str | None:
        """The user's key, None without one."""
        return self._keys.get(user)

    def owner(self, key: str) -> str | None:
        """Whose key it is, None for one that is not valid."""
        return next((user for user, own in self._keys.items() if own == key), None)

    def issue(self, user: str) -> str:
        """The user's key, new or as it was, valid for another hour."""
        key = self._keys.get(user)
        if key is None:
            key = self._keys[user] = "".join(self._chance.choices(ascii_letters + digits, k=64))
        self._renew(user, key)
        return key

    def extend(self, user: str) -> str:
        """Give the user's key another hour; raises -1125 without one."""
        key = self._keys.get(user)
        if key is None:
            raise ApiError(-1125, "This listenKey does not exist.")
        self._renew(user, key)
        return key

    def close(self, user: str) -> None:
        """Forget the user's key; its stream falls silent."""
        key = self._keys.pop(user, None)
        if key is not None:
            del self._until[key]

    def expire(self, user: str) -> None:
        """End the user's key now, as if its hour had passed."""
        key = self._keys.get(user)
        if key is not None:
            self.close(user)
            if self.on_expired is not None:
                self.on_expired(key)

    def _renew(self, user: str, key: str) -> None:
        self._until[key] = until = self._exchange.now + VALID_MS
        self._exchange.schedule(until, lambda: self._look(user, key))

    def _look(self, user: str, key: str) -> None:
        if key in self._until and self._exchange.now >= self._until[key]:
            self.expire(user)
