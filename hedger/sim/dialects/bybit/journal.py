"""What has changed a user's money, in the order in which it happened: trades, funding, deliveries, transfers."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from hedger.model.numeric import ZERO
from hedger.sim.dialects.bybit.names import CATEGORIES, Category, name_of
from hedger.sim.dialects.bybit.register import Record, Register
from hedger.sim.dialects.bybit.unified import UnifiedAccount
from hedger.sim.exchange import Exchange
from hedger.sim.nouns import BalanceNews, FundingRecord, Listing, News, OrderNews, UserTrade

FORCED = {"CreateByLiq": "BustTrade", "CreateByAdl_PassThrough": "AdlTrade"}
MOVES = {"deposit": "TRANSFER_IN", "withdrawal": "TRANSFER_OUT", "liquidation": "LIQUIDATION", "option": "PREMIUM"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A trade or a funding payment. `held` is the position before a trade, or at the payment; `left` is what its order
    had still to execute. `balance` is that of the coin that it changed, afterwards; a spot trade changes two: the one
    that was received, and of the one that was given away it is `balance_given`."""

    sequence: int
    at: int
    listing: Listing
    held: Decimal
    mark: Decimal | None
    index: Decimal | None
    trade: UserTrade | None = None
    record: Record | None = None
    left: Decimal = ZERO
    funding: FundingRecord | None = None
    balance: Decimal = ZERO
    balance_given: Decimal = ZERO

    @property
    def category(self) -> Category:
        """The product type."""
        return CATEGORIES[self.listing.wallet]

    @property
    def name(self) -> str:
        """Bybit's name of what was traded."""
        return name_of(self.listing)

    @property
    def kind(self) -> str:
        """Bybit's word for what it was."""
        if self.funding is not None or self.record is None:
            return "Funding"
        if self.record.created_by == "CreateBySettle":
            return "Settle" if self.category is Category.INVERSE else "Delivery"
        return FORCED.get(self.record.created_by, "Trade")


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Money that came or went without a trade or funding: what of it, and the balance of the coin afterwards."""

    sequence: int
    at: int
    kind: str
    coin: str
    change: Decimal
    balance: Decimal


class Journal:
    """Listens to an exchange from its construction on. A journal that begins later knows nothing from before."""

    def __init__(self, exchange: Exchange, register: Register, account: UnifiedAccount) -> None:
        self._exchange, self._account = exchange, account
        self._sequence = count(1)
        self._executions: dict[str, list[Execution]] = {}
        self._moves: dict[str, list[Move]] = {}
        self._balances: dict[str, dict[str, Decimal]] = {}
        self._paid: dict[str, int] = {}
        self._realised: dict[str, defaultdict[str, Decimal]] = {}
        self._by_contract: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for user, holder in exchange.floor.ledger.accounts.items():
            self._balances[user] = account.balances(user)
            self._paid[user] = len(holder.funding)
        register.told.append(self._hear_order)
        exchange.subscribe(self._hear)

    def executions(self, user: str, since_at: int = 0) -> list[Execution]:
        """A user's executions from an instant on, the newest first."""
        known = self._executions.get(user, [])
        return known[bisect_left(known, since_at, key=lambda x: x.at) :][::-1]

    def last(self, user: str) -> Execution:
        """The latest execution of a user who has one."""
        return self._executions[user][-1]

    def moves(self, user: str) -> list[Move]:
        """What else changed a user's balances, the newest first."""
        return self._moves.get(user, [])[::-1]

    def realised(self, user: str) -> dict[str, Decimal]:
        """What contracts have made or lost since the beginning, by coin, fees and funding included."""
        return dict(self._realised.get(user, {}))

    def realised_by(self, user: str, symbol: str) -> Decimal:
        """The same of one contract (the exchange's symbol)."""
        return self._by_contract[user, symbol]

    # --- news -----------------------------------------------------------------------------------------------

    def _hear_order(self, record: Record, news: OrderNews) -> None:
        trade = news.trade
        if trade is None:
            return
        listing, user = record.listing, trade.user
        held, mark, index = ZERO, None, None
        if record.category is not Category.SPOT:
            held = self._exchange.floor.account(user).holding(trade.symbol).quantity - trade.side.sign * trade.quantity
            mark, index = self._prices(listing)
            self._count(user, listing, trade.realized_pnl - trade.fee)
        balances, given = self._account.balances(user), given_coin(listing, trade)
        self._executions.setdefault(user, []).append(
            Execution(
                sequence=next(self._sequence),
                at=trade.at,
                listing=listing,
                held=held,
                mark=mark,
                index=index,
                trade=trade,
                record=record,
                left=news.order.quantity - news.order.filled,
                balance=balances.get(trade.fee_asset, ZERO),
                balance_given=balances.get(given, ZERO),
            )
        )

    def _hear(self, news: News) -> None:
        if not isinstance(news, BalanceNews):
            return
        user, before = news.user, self._balances.get(news.user, {})
        self._balances[user] = after = self._account.balances(user)
        if news.reason == "funding":
            self._hear_funding(user)
        elif news.reason in MOVES or news.reason == "settlement":
            self._hear_moves(news, before, after)

    def _hear_funding(self, user: str) -> None:
        holder = self._exchange.floor.account(user)
        records = holder.funding[self._paid.get(user, 0) :]
        self._paid[user] = len(holder.funding)
        for record in records:
            listing = self._exchange.floor.contract(record.symbol).listing
            mark, index = self._prices(listing)
            self._count(user, listing, record.amount)
            self._executions.setdefault(user, []).append(
                Execution(
                    sequence=next(self._sequence),
                    at=record.at,
                    listing=listing,
                    held=holder.holding(record.symbol).quantity,
                    mark=mark,
                    index=index,
                    funding=record,
                    balance=self._balances[user].get(record.asset, ZERO),
                )
            )

    def _hear_moves(self, news: BalanceNews, before: dict[str, Decimal], after: dict[str, Decimal]) -> None:
        """What trades have changed was told by them; only the rest is a move."""
        kind = MOVES.get(news.reason, "DELIVERY")
        for coin, balance in after.items():
            change = balance - before.get(coin, ZERO)
            if change:
                move = Move(
                    sequence=next(self._sequence), at=news.at, kind=kind, coin=coin, change=change, balance=balance
                )
                self._moves.setdefault(news.user, []).append(move)

    def _count(self, user: str, listing: Listing, amount: Decimal) -> None:
        self._realised.setdefault(user, defaultdict(Decimal))[listing.settle] += amount
        self._by_contract[user, listing.symbol] += amount

    def _prices(self, listing: Listing) -> tuple[Decimal, Decimal]:
        premium = self._exchange.premium(listing.symbol)
        return premium.mark_price, premium.index_price


def given_coin(listing: Listing, trade: UserTrade) -> str:
    """The coin that a spot trade gave away: the fee is taken from the other."""
    return listing.quote if trade.fee_asset == listing.base else listing.base
