"""countdownCancelAll: an account's orders in a symbol are canceled when its countdown is not renewed in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hedger.sim.nouns import SimOrder, Wallet

CONTRACTS = (Wallet.LINEAR, Wallet.INVERSE)  # a switch is for a contract; no two share a symbol


class Orders(Protocol):
    """What a switch needs of the exchange: its time, and the orders that it cancels."""

    @property
    def now(self) -> int:
        """The exchange's time (ms)."""

    def schedule(self, at: int, happen: Callable[[], None]) -> None:
        """Have something happen at a time (ms)."""

    def open_orders(self, user: str, wallet: Wallet, symbol: str | None = None) -> list[SimOrder]:
        """A user's working orders."""

    def cancel(self, user: str, wallet: Wallet, symbol: str, *, order_id: int) -> SimOrder:
        """Cancel one of them."""


class DeadManSwitch:
    """Countdowns by (user, symbol), on the exchange's time."""

    def __init__(self, exchange: Orders) -> None:
        self._exchange = exchange
        self._deadlines: dict[tuple[str, str], int] = {}
        self.fired = 0

    def set(self, user: str, symbol: str, countdown_ms: int) -> None:
        """Start the countdown anew; 0 stops it."""
        if countdown_ms == 0:
            self._deadlines.pop((user, symbol), None)
            return
        deadline = self._deadlines[user, symbol] = self._exchange.now + countdown_ms
        self._exchange.schedule(deadline, lambda: self._look(user, symbol))

    def deadline(self, user: str, symbol: str) -> int | None:
        """When the countdown of a symbol ends (exchange time, ms); None where none runs."""
        return self._deadlines.get((user, symbol))

    def _look(self, user: str, symbol: str) -> None:
        deadline = self._deadlines.get((user, symbol))
        if deadline is None or self._exchange.now < deadline:
            return
        self.fire(user, symbol)

    def fire(self, user: str, symbol: str) -> int:
        """Cancel a symbol's orders now and stop its countdown; how many orders went."""
        self._deadlines.pop((user, symbol), None)
        self.fired += 1
        orders = [o for wallet in CONTRACTS for o in self._exchange.open_orders(user, wallet, symbol)]
        for order in orders:
            self._exchange.cancel(user, order.wallet, symbol, order_id=order.order_id)
        return len(orders)
