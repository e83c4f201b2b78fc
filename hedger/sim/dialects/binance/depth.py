"""One API's books as Binance publishes them: numbered differences that continue a numbered snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.sim.exchange import Exchange, Levels
from hedger.sim.nouns import Wallet

DEEPEST = 1_000
Row = tuple[Decimal, Decimal]
Difference = tuple[int, int, list[Row], list[Row]]


class DepthFeed:
    """What was last told of each book: the first update id, the last, and which levels have changed since."""

    def __init__(self, exchange: Exchange, wallet: Wallet) -> None:
        self._exchange = exchange
        self._wallet = wallet
        self._told: dict[str, tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]] = {}
        self._last_id: dict[str, int] = {}
        self.on_difference: Callable[[str, Difference], None] | None = None

    def sync(self, symbol: str) -> int:
        """Tell what has changed until now; the update id at which a snapshot taken now stands."""
        bids, asks = self._exchange.depth(self._wallet, symbol, DEEPEST)
        told_bids, told_asks = self._told.get(symbol, ({}, {}))
        changed_bids, changed_asks = _changes(told_bids, bids), _changes(told_asks, asks)
        last = self._last_id.get(symbol, 1_000_000)
        changes = len(changed_bids) + len(changed_asks)
        if changes:
            self._told[symbol] = (dict(bids), dict(asks))
            self._last_id[symbol] = last + changes
            if self.on_difference is not None:
                self.on_difference(symbol, (last + 1, last + changes, changed_bids, changed_asks))
        return last + changes


def _changes(told: Mapping[Decimal, Decimal], levels: Levels) -> list[Row]:
    """Levels that are new or different, and those that are gone, at quantity 0."""
    now = dict(levels)
    gone = [(price, ZERO) for price in told if price not in now]
    return [level for level in levels if told.get(level[0]) != level[1]] + gone
