"""User-data streams: what happens to a user's orders and balances, told to whoever listens for that user."""

from __future__ import annotations

from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.sim.dialects.binance import linear_events, spot_payloads
from hedger.sim.dialects.binance.listen_keys import ListenKeys
from hedger.sim.dialects.board import Reader
from hedger.sim.dialects.requests import Body
from hedger.sim.exchange import Exchange
from hedger.sim.liquidation import ADL_AUTOCLOSE, AUTOCLOSE
from hedger.sim.nouns import (
    BalanceNews,
    BookNews,
    Listing,
    ListingNews,
    News,
    OrderNews,
    OrderState,
    PremiumNews,
    SimPosition,
    Wallet,
)


class UserStreams:
    """Readers by listen key (USDⓈ-M) and by user (spot). A reader of an unknown key hears nothing."""

    def __init__(self, exchange: Exchange, listen_keys: ListenKeys) -> None:
        self._exchange = exchange
        self._listen_keys = listen_keys
        self._linear: dict[str, list[Reader]] = {}
        self._spot: dict[str, list[Reader]] = {}
        self._newest_order_id = 0
        self._wallet_balances: dict[str, Decimal] = {}
        self._told_positions: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
        listen_keys.on_expired = self._expire
        exchange.subscribe(self._hear)

    # --- readers -----------------------------------------------------------------------------------------------

    def join_linear(self, listen_key: str, reader: Reader) -> None:
        """Listen under a key; what is so far is taken as known."""
        user = self._listen_keys.owner(listen_key)
        if user is not None and user not in self._wallet_balances:
            self._wallet_balances[user] = self._exchange.linear_account(user).wallet_balance
            for position in self._exchange.positions(user):
                self._is_new(user, position)
        self._linear.setdefault(listen_key, []).append(reader)

    def join_spot(self, user: str, reader: Reader) -> None:
        """Listen to a user's spot events."""
        self._spot.setdefault(user, []).append(reader)

    def leave(self, reader: Reader) -> None:
        """Let a reader go."""
        for readers in (*self._linear.values(), *self._spot.values()):
            if reader in readers:
                readers.remove(reader)

    def on_leverage(self, user: str, symbol: str, leverage: int) -> None:
        """Tell of a changed leverage."""
        now = self._exchange.now
        change = {"s": symbol, "l": leverage}
        self._tell_linear(user, {"e": "ACCOUNT_CONFIG_UPDATE", "E": now, "T": now, "ac": change})

    def _expire(self, key: str) -> None:
        readers = self._linear.pop(key, [])
        for reader in readers:
            reader.tell(key, {"e": "listenKeyExpired", "E": self._exchange.now, "listenKey": key})

    # --- news --------------------------------------------------------------------------------------------------

    def _hear(self, news: News) -> None:
        match news:
            case OrderNews():
                self._hear_order(news)
            case BalanceNews(wallet=Wallet.LINEAR):
                self._hear_linear_balance(news)
            case BalanceNews(wallet=Wallet.SPOT):
                self._tell_spot(news.user, self._account_position(news.user, None, news.at))
            case BalanceNews() | BookNews() | PremiumNews() | ListingNews():
                pass

    def _hear_order(self, news: OrderNews) -> None:
        order = news.order
        change = self._change(news)
        listing = self._exchange.rules_of(order.wallet, order.symbol)
        if order.wallet is Wallet.LINEAR:
            if self._linear_readers(order.user):
                for body in linear_events.of_order(news, change, listing):
                    self._tell_linear(order.user, body)
        elif order.wallet is Wallet.SPOT and self._spot.get(order.user):
            self._tell_spot_order(news, change, listing)

    def _tell_spot_order(self, news: OrderNews, change: str, listing: Listing) -> None:
        order = news.order
        self._tell_spot(order.user, spot_payloads.execution_report(news, change))
        if news.trade is None:
            assets = (listing.base, listing.quote)
            self._tell_spot(order.user, self._account_position(order.user, assets, news.at))

    def _change(self, news: OrderNews) -> str:
        """Binance's execution type."""
        order = news.order
        first = order.order_id > self._newest_order_id
        self._newest_order_id = max(self._newest_order_id, order.order_id)
        if news.trade is not None:
            forced = order.client_order_id.startswith((AUTOCLOSE, ADL_AUTOCLOSE))
            return "CALCULATED" if forced else "TRADE"
        if order.state in (OrderState.CANCELED, OrderState.EXPIRED):
            return order.state.value.upper()
        return "NEW" if first else "AMENDMENT"

    def _hear_linear_balance(self, news: BalanceNews) -> None:
        total = self._exchange.linear_account(news.user)
        before = self._wallet_balances.get(news.user, ZERO)
        self._wallet_balances[news.user] = total.wallet_balance
        moved = ZERO if news.reason in linear_events.TRADING else total.wallet_balance - before
        changed = [p for p in self._exchange.positions(news.user) if self._is_new(news.user, p)]
        self._tell_linear(news.user, linear_events.of_account(news, total.wallet_balance, moved, changed))

    def _is_new(self, user: str, position: SimPosition) -> bool:
        present = (position.quantity, position.entry_price)
        told = self._told_positions.get((user, position.symbol), (ZERO, ZERO))
        self._told_positions[user, position.symbol] = present
        return present != told

    # --- telling -----------------------------------------------------------------------------------------------

    def _account_position(self, user: str, assets: tuple[str, ...] | None, now: int) -> Body:
        balances = self._exchange.spot_balances(user) if self._spot.get(user) else {}
        return spot_payloads.account_position(balances, sorted(balances) if assets is None else assets, now)

    def _tell_linear(self, user: str, body: Body) -> None:
        for reader in self._linear_readers(user):
            reader.tell(self._listen_keys.active(user) or "", body)

    def _linear_readers(self, user: str) -> tuple[Reader, ...]:
        key = self._listen_keys.active(user)
        return () if key is None else tuple(self._linear.get(key, ()))

    def _tell_spot(self, user: str, body: Body) -> None:
        for reader in tuple(self._spot.get(user, ())):
            reader.tell("", body)
