"""When each wallet last changed, which is the time that Binance puts on an account."""

from __future__ import annotations

from hedger.sim.exchange import Exchange
from hedger.sim.nouns import BalanceNews, News, Wallet


class LastChanges:
    """Listens to an exchange's news from its construction on."""

    def __init__(self, exchange: Exchange) -> None:
        self._since = exchange.now
        self._at: dict[tuple[str, Wallet], int] = {}
        exchange.subscribe(self._hear)

    def at(self, user: str, wallet: Wallet) -> int:
        """When a user's balances or positions in a wallet last changed, ms."""
        return self._at.get((user, wallet), self._since)

    def _hear(self, news: News) -> None:
        if isinstance(news, BalanceNews):
            self._at[news.user, news.wallet] = news.at
