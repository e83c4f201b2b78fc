"""Disconnect protection: orders are canceled when every private socket that asked for it has been gone for too long.

A socket asks by subscribing to `dcp.future`, `dcp.spot` or `dcp.option`. The window is ten seconds unless another was
set. What counts here is the connection: a client that stays connected and sends nothing is not gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from hedger.sim.dialects.bybit.names import Category
from hedger.sim.dialects.bybit.register import Register
from hedger.sim.exchange import Exchange

DEFAULT_S, SHORTEST_S, LONGEST_S = 10, 3, 300
PRODUCTS: Mapping[str, Sequence[Category]] = MappingProxyType(
    {"DERIVATIVES": (Category.LINEAR, Category.INVERSE), "SPOT": (Category.SPOT,), "OPTIONS": ()}
)
TOPICS: Mapping[str, str] = MappingProxyType({"dcp.future": "DERIVATIVES", "dcp.spot": "SPOT", "dcp.option": "OPTIONS"})


class DisconnectProtection:
    """Windows and watchers by user and product, on the exchange's time."""

    def __init__(self, exchange: Exchange, register: Register) -> None:
        self._exchange, self._register = exchange, register
        self._windows_s: dict[tuple[str, str], int] = {}
        self._watchers: dict[tuple[str, str], list[object]] = {}
        self._alone_since: dict[tuple[str, str], int] = {}
        self.fired = 0

    def set_window(self, user: str, product: str, window_s: int) -> None:
        """How long a user may be gone, from the next disconnection on."""
        self._windows_s[user, product] = window_s

    def window_s(self, user: str, product: str) -> int:
        """The window of a product."""
        return self._windows_s.get((user, product), DEFAULT_S)

    def watched(self, user: str, product: str) -> bool:
        """Whether a socket of the user asks for the protection now."""
        return bool(self._watchers.get((user, product)))

    def join(self, user: str, product: str, watcher: object) -> None:
        """A socket asks for the protection; whoever was away is back."""
        watchers = self._watchers.setdefault((user, product), [])
        if watcher not in watchers:
            watchers.append(watcher)
        self._alone_since.pop((user, product), None)

    def leave(self, user: str, product: str, watcher: object) -> None:
        """A socket is gone; with the last one the time begins to run."""
        key = (user, product)
        watchers = self._watchers.get(key, [])
        if watcher not in watchers:
            return
        watchers.remove(watcher)
        if not watchers:
            since_at = self._alone_since[key] = self._exchange.now
            due_at = since_at + self.window_s(user, product) * 1_000
            self._exchange.schedule(due_at, lambda: self._look(key, since_at))

    def _look(self, key: tuple[str, str], since_at: int) -> None:
        if self._alone_since.get(key) == since_at:
            del self._alone_since[key]
            self._fire(*key)

    def _fire(self, user: str, product: str) -> None:
        self.fired += 1
        self._register.cause = "CancelByDCP"
        try:
            for category in PRODUCTS[product]:
                for record in self._register.working(user, category):
                    order = record.order
                    self._exchange.cancel(user, order.wallet, order.symbol, order_id=order.order_id)
        finally:
            self._register.cause = "UNKNOWN"
