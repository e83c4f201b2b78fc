"""countdownCancelAll: an account's orders in a symbol are canceled when its countdown is not renewed in time."""

from __future__ import annotations

from hedger.sim.exchange import Exchange
from hedger.sim.nouns import Wallet


class DeadManSwitch:
    """Countdowns by (user, symbol), on the exchange's time."""

    def __init__(self, exchange: Exchange) -> None:
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

    def _look(self, user: str, symbol: str) -> None:
        deadline = self._deadlines.get((user, symbol))
        if deadline is None or self._exchange.now < deadline:
            return
        del self._deadlines[user, symbol]
        self.fired += 1
        for order in self._exchange.open_orders(user, Wallet.LINEAR, symbol):
            self._exchange.cancel(user, Wallet.LINEAR, symbol, order_id=order.order_id)
