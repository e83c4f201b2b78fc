"""One balance of each currency, as Deribit keeps it, over the exchange's two wallets.

Coins lie in the derivatives wallets, where they are margin; the spot wallet has what working spot orders lock and no
more. What an order needs is moved there before it is placed, and what is free there is moved back at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.model.order import Side
from hedger.sim.exchange import Exchange
from hedger.sim.ledger import COLLATERAL
from hedger.sim.nouns import BalanceNews, Listing, News, OrderNews, OrderState, Wallet

DEEP = 1_000


class Purse:
    """Keeps the wallets of `users` together from now on."""

    def __init__(self, exchange: Exchange, users: Iterable[str]) -> None:
        self._exchange = exchange
        self._users = frozenset(users)
        exchange.subscribe(self._hear)
        for user in sorted(self._users):
            self.gather(user)

    def gather(self, user: str) -> None:
        """Move what is free in the spot wallet to the derivatives wallets."""
        for asset, (free, _) in self._exchange.spot_balances(user).items():
            if free > 0:
                home = Wallet.LINEAR if asset == COLLATERAL else Wallet.INVERSE
                self._exchange.transfer(user, asset, free, to=home)

    def lay_out(self, user: str, listing: Listing, side: Side, quantity: Decimal, price: Decimal | None) -> None:
        """Move what a spot order needs to the spot wallet; raises `Refused(INSUFFICIENT_BALANCE)`."""
        asset, needed = listing.base, quantity
        if side is Side.BUY:
            dear = price if price is not None else self._dearest(listing, quantity)
            asset, needed = listing.quote, quantity * dear
        if needed > 0:
            self._exchange.transfer(user, asset, needed, to=Wallet.SPOT)

    def balance(self, user: str, currency: str) -> Decimal:
        """What a user has of a currency, without what is not realized."""
        account = self._exchange.floor.account(user)
        return account.wallets.get(currency, ZERO) + account.spot.get(currency, ZERO)

    def reserved(self, user: str, currency: str) -> Decimal:
        """What of it working spot orders lock."""
        return self._exchange.floor.account(user).locked(self._exchange.listings).get(currency, ZERO)

    def _dearest(self, listing: Listing, quantity: Decimal) -> Decimal:
        """The worst price that a market buy reaches."""
        left, worst = quantity, ZERO
        for price, offered in self._exchange.depth(listing.wallet, listing.symbol, DEEP)[1]:
            worst, left = price, left - offered
            if left <= 0:
                break
        return worst

    def _hear(self, news: News) -> None:
        match news:
            case BalanceNews(wallet=Wallet.SPOT, reason=reason, user=user) if reason != "transfer":
                loose = user
            case OrderNews(order=order) if order.wallet is Wallet.SPOT and order.state in _OVER:
                loose = order.user
            case _:
                return
        if loose in self._users:
            self.gather(loose)


_OVER = (OrderState.CANCELED, OrderState.EXPIRED, OrderState.FILLED)
