"""The transaction log: what moved a balance, written as it happens.

Deribit settles funding and profit once a day; the exchange pays funding at the end of each interval and books profit
with each trade. So a `settlement` row is a payment of funding alone, and a future's `trade` row has its profit in it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.sim.average import ending_of
from hedger.sim.dialects.deribit.naming import Catalogue, Instrument
from hedger.sim.dialects.deribit.notes import is_delivery
from hedger.sim.dialects.deribit.quotes import Quotes
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import BalanceNews, News, OptionListing, OrderNews, UserTrade, Wallet

INTERNAL = ("transfer", "trade")  # told by nobody, or by the trade itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row. `change` is what the balance moved by; `amount` is in units, `position` what is held after it."""

    number: int
    user: str
    currency: str
    type: str
    at: int
    change: Decimal
    balance: Decimal
    instrument: Instrument | None = None
    trade: UserTrade | None = None
    position: Decimal = ZERO
    units: Decimal = ZERO
    price: Decimal | None = None
    mark_price: Decimal = ZERO
    index_price: Decimal = ZERO
    funding: Decimal | None = None


class Statements:
    """Rows of every user, oldest first, from now on."""

    def __init__(self, exchange: Exchange, catalogue: Catalogue, quotes: Quotes) -> None:
        self._exchange, self._catalogue, self._quotes = exchange, catalogue, quotes
        self.entries: defaultdict[str, list[Entry]] = defaultdict(list)
        self._written = 0
        self._balances: dict[str, dict[str, Decimal]] = {}
        self._options: dict[str, dict[str, tuple[OptionListing, Decimal]]] = {}
        for user in exchange.floor.ledger.accounts:
            self._balances[user] = self._now(user)
            self._options[user] = self._held(user)
        exchange.subscribe(self._hear)

    def of(self, user: str) -> list[Entry]:
        """A user's rows, newest first."""
        return self.entries[user][::-1]

    # --- writing --------------------------------------------------------------------------------------------

    def _hear(self, news: News) -> None:
        match news:
            case OrderNews(trade=UserTrade() as trade):
                self._traded(trade)
            case BalanceNews(reason=reason) if reason not in INTERNAL:
                self._moved(news)
            case _:
                pass

    def _traded(self, trade: UserTrade) -> None:
        listing = self._catalogue.of(trade.wallet, trade.symbol)
        delivered = is_delivery(trade)
        held = ZERO
        if trade.wallet is not Wallet.SPOT:
            held = self._exchange.floor.account(trade.user).holding(trade.symbol).quantity
        changes = self._changes(trade.user)
        touched = (listing.base, listing.quote) if trade.wallet is Wallet.SPOT else (listing.settle,)
        for currency in touched:
            change = changes.get(currency, ZERO)
            self._write(
                trade.user,
                currency,
                "delivery" if delivered else "trade",
                change,
                instrument=listing,
                trade=None if delivered else trade,
                position=held,
                units=trade.side.sign * trade.quantity,
                price=trade.price,
                mark_price=trade.price if delivered else self._quotes.mark(listing),
            )

    def _moved(self, news: BalanceNews) -> None:
        user, reason = news.user, news.reason
        ended = self._ended(user)
        changes = self._changes(user)
        if reason == "funding":
            self._funded(user, changes)
            return
        for option, quantity in ended:
            self._write_delivery(user, option, quantity, changes.pop(option.settle, ZERO))
        for currency, change in changes.items():
            self._write(user, currency, _TYPES.get(reason, "correction"), change)

    def _funded(self, user: str, changes: dict[str, Decimal]) -> None:
        record = self._exchange.floor.account(user).funding[-1]
        listing = self._exchange.floor.contract(record.symbol).listing
        held = self._exchange.floor.account(user).holding(record.symbol).quantity
        for currency, change in ({listing.settle: ZERO} | changes).items():  # a row also where nothing was due
            self._write(
                user,
                currency,
                "settlement",
                change,
                instrument=listing,
                position=held,
                units=held,
                price=self._quotes.mark(listing),
                mark_price=self._quotes.mark(listing),
                funding=change,
            )

    def _write_delivery(self, user: str, option: OptionListing, quantity: Decimal, change: Decimal) -> None:
        ending = ending_of(option)
        average = self._exchange.floor.averages.get(ending) if ending is not None else None
        final = average.result() if average is not None else None
        price = option.intrinsic(final) if final else ZERO
        self._write(
            user, option.settle, "delivery", change, instrument=option, units=-quantity, price=price, mark_price=price
        )

    def _write(
        self,
        user: str,
        currency: str,
        kind: str,
        change: Decimal,
        *,
        instrument: Instrument | None = None,
        trade: UserTrade | None = None,
        position: Decimal = ZERO,
        units: Decimal = ZERO,
        price: Decimal | None = None,
        mark_price: Decimal = ZERO,
        funding: Decimal | None = None,
    ) -> None:
        self._written += 1
        self.entries[user].append(
            Entry(
                number=self._written,
                user=user,
                currency=currency,
                type=kind,
                at=self._exchange.now,
                change=change,
                balance=self._balances[user].get(currency, ZERO),
                instrument=instrument,
                trade=trade,
                position=position,
                units=units,
                price=price,
                mark_price=mark_price,
                index_price=self._quotes.index(instrument) if instrument is not None else ZERO,
                funding=funding,
            )
        )

    # --- what has changed -----------------------------------------------------------------------------------

    def _changes(self, user: str) -> dict[str, Decimal]:
        """By how much each balance has moved since it was last looked at."""
        before, after = self._balances.get(user, {}), self._now(user)
        self._balances[user] = after
        moved = {asset: after[asset] - before.get(asset, ZERO) for asset in after}
        return {asset: change for asset, change in moved.items() if change}

    def _ended(self, user: str) -> list[tuple[OptionListing, Decimal]]:
        """The options that a user has no more; what was granted meanwhile is taken as known."""
        before, after = self._options.get(user, {}), self._held(user)
        self._options[user] = after
        gone = [held for symbol, held in before.items() if symbol not in after]
        return [(option, quantity) for option, quantity in gone if option.expiry_at <= self._exchange.now]

    def _now(self, user: str) -> dict[str, Decimal]:
        account = self._exchange.floor.account(user)
        assets = [*account.wallets, *account.spot]
        return {a: account.wallets.get(a, ZERO) + account.spot.get(a, ZERO) for a in assets}

    def _held(self, user: str) -> dict[str, tuple[OptionListing, Decimal]]:
        return {option.symbol: (option, quantity) for option, quantity, *_ in self._holding(user)}

    def _holding(self, user: str) -> list[tuple[OptionListing, Decimal]]:
        listings = self._exchange.floor.options.listings
        options = self._exchange.floor.account(user).options
        return [(listings[symbol], quantity) for symbol, quantity in options.items()]


_TYPES = {
    "deposit": "deposit",
    "withdrawal": "withdrawal",
    "option": "trade",
    "liquidation": "liquidation",
    "settlement": "settlement",
}
