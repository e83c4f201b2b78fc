"""The exchange: users, wallets, books, margin, funding, liquidation; it moves only when told the time."""

from __future__ import annotations

import copy
import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.model.order import Side
from hedger.sim import admission, fees
from hedger.sim.dead_man import DeadManSwitch
from hedger.sim.fees import FeeTier
from hedger.sim.floor import Floor, Pit
from hedger.sim.ledger import COLLATERAL, Account
from hedger.sim.nouns import (
    BalanceNews,
    BestPrices,
    FundingRecord,
    LinearAccount,
    Listing,
    News,
    OrderKind,
    OrderState,
    Premium,
    Refusal,
    Refused,
    SimOrder,
    SimPosition,
    Truth,
    UserTrade,
    Wallet,
)
from hedger.sim.settlement import BEAT_MS, Beat

Levels = Sequence[tuple[Decimal, Decimal]]


class Exchange:
    """A deterministic exchange. All calls happen "at" `now`; `advance` moves time and lets the world happen.

    The wire dialect and the port both stand in front of it. Methods that name a user raise KeyError for one
    that was not opened. Orders returned are the exchange's own records: they change under the reader.
    """

    def __init__(
        self,
        *,
        listings: Iterable[Listing],
        start_at: int,
        users: Iterable[str] = (),
        fee_table: Mapping[Wallet, Sequence[FeeTier]] = fees.BINANCE_LIKE,
        beat_ms: int = BEAT_MS,
    ) -> None:
        """`beat_ms` is how often marks are computed; a long simulation may do with fewer."""
        self.listings: dict[tuple[Wallet, str], Listing] = {(x.wallet, x.symbol): x for x in listings}
        self.floor = Floor(listings=self.listings, now=start_at, fee_table=fee_table)
        self._schedule: list[tuple[int, int, Callable[[], None]]] = []
        self._scheduled = 0
        self._beat = Beat(self.floor, beat_ms)
        self.dead_man = DeadManSwitch(self)
        for user in users:
            self.open_account(user)
        self.schedule(self._beat.next_at(start_at), self._keep_beating)

    # --- time -----------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The exchange's time in milliseconds since 1970, UTC."""
        return self.floor.now

    def advance(self, to_at: int) -> None:
        """Let what is scheduled up to `to_at` (ms) happen: flow, marks, funding, liquidations, scenario."""
        schedule, floor = self._schedule, self.floor
        while schedule and schedule[0][0] <= to_at:
            at, _, happen = heapq.heappop(schedule)
            floor.now = max(floor.now, at)
            happen()
        floor.now = max(floor.now, to_at)

    def next_at(self) -> int:
        """When something is next scheduled to happen: a driver may sleep until then."""
        return self._schedule[0][0]

    def schedule(self, at: int, happen: Callable[[], None]) -> None:
        """Have `happen` called when time reaches `at` (ms); among equals, first scheduled first."""
        self._scheduled += 1
        heapq.heappush(self._schedule, (at, self._scheduled, happen))

    def subscribe(self, listener: Callable[[News], None]) -> None:
        """Call `listener` with each piece of news, synchronously."""
        self.floor.listeners.append(listener)

    def unsubscribe(self, listener: Callable[[News], None]) -> None:
        """Call `listener` no more; one that is not subscribed is no error."""
        if listener in self.floor.listeners:
            self.floor.listeners.remove(listener)

    def _keep_beating(self) -> None:
        self._beat.happen()
        self.schedule(self._beat.next_at(self.now), self._keep_beating)

    # --- orders ---------------------------------------------------------------------------------------------

    def place(
        self,
        user: str,
        wallet: Wallet,
        symbol: str,
        *,
        side: Side,
        kind: OrderKind,
        quantity: Decimal,
        price: Decimal | None,
        reduce_only: bool,
        client_order_id: str,
    ) -> SimOrder:
        """Accept an order and match it; raises `Refused`. A post-only order that would cross is refused."""
        account, pit = self.floor.account(user), self.floor.pit(wallet, symbol)
        order = self.floor.draft(
            user, pit, side=side, kind=kind, quantity=quantity, price=price, client_order_id=client_order_id
        )
        order.reduce_only = reduce_only
        try:
            self._admit(account, pit, order)
        except Refused:
            account.creates_refused += 1
            raise
        account.creates_accepted += 1
        self.floor.enter(account, pit, order)
        return order

    def _admit(self, account: Account, pit: Pit, order: SimOrder) -> None:
        floor = self.floor
        admission.check_client_id(account, order)
        admission.check_filters(pit.listing, order, floor.reference(pit))
        if account.hedge_mode and order.wallet is Wallet.LINEAR:
            raise Refused(Refusal.POSITION_SIDE, "the account is in hedge mode")
        admission.check_reduce_only(account, order)
        admission.check_funds(account, self.listings, order, floor.board, pit.book)
        admission.check_crossing(order, pit.book)

    def cancel(
        self,
        user: str,
        wallet: Wallet,
        symbol: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> SimOrder:
        """Cancel a working order; raises `Refused(UNKNOWN_ORDER)` if it is not working."""
        order = self.find_order(user, wallet, symbol, order_id=order_id, client_order_id=client_order_id)
        account = self.floor.account(user)
        if order.order_id not in account.working:
            raise Refused(Refusal.UNKNOWN_ORDER, "the order is not working")
        pit = self.floor.pit(wallet, symbol)
        self.floor.finish(account, pit, order, OrderState.CANCELED)
        self.floor.publish_book(pit)
        return order

    def find_order(
        self,
        user: str,
        wallet: Wallet,
        symbol: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> SimOrder:
        """The record of an order, working or final; raises `Refused(UNKNOWN_ORDER)`."""
        account = self.floor.account(user)
        if order_id is None and client_order_id is not None:
            order_id = account.client_ids.get((wallet, symbol, client_order_id))
        order = account.orders.get(order_id) if order_id is not None else None
        if order is None or (order.wallet, order.symbol) != (wallet, symbol):
            raise Refused(Refusal.UNKNOWN_ORDER, "order does not exist")
        return order

    def open_orders(self, user: str, wallet: Wallet, symbol: str | None = None) -> list[SimOrder]:
        """The user's working orders, oldest first."""
        working = self.floor.account(user).working.values()
        return [o for o in working if o.wallet is wallet and symbol in (None, o.symbol)]

    def trades(
        self,
        user: str,
        wallet: Wallet,
        symbol: str,
        *,
        since_at: int = 0,
        from_id: int | None = None,
        limit: int = 500,
    ) -> list[UserTrade]:
        """The user's executions, oldest first."""
        trades = self.floor.account(user).trades.get((wallet, symbol), [])
        start = bisect_left(trades, since_at, key=lambda t: t.at)
        if from_id is not None:
            start = max(start, bisect_left(trades, from_id, key=lambda t: t.trade_id))
        return trades[start : start + limit]

    def funding(
        self, user: str, *, symbol: str | None = None, since_at: int = 0, limit: int = 100
    ) -> list[FundingRecord]:
        """The user's funding payments, oldest first."""
        records = self.floor.account(user).funding
        start = bisect_left(records, since_at, key=lambda r: r.at)
        return [r for r in records[start:] if symbol in (None, r.symbol)][:limit]

    # --- accounts -------------------------------------------------------------------------------------------

    def open_account(self, user: str) -> None:
        """Let a user in, with nothing."""
        assert user not in self.floor.ledger.accounts, "a user is opened once"
        self.floor.ledger.accounts[user] = Account(name=user)

    def spot_balances(self, user: str) -> dict[str, tuple[Decimal, Decimal]]:
        """Per asset (free, locked) in the spot wallet: a row for each listed asset, zero rows included."""
        account = self.floor.account(user)
        locked = account.locked(self.listings)
        listed = (asset for listing in self.listings.values() for asset in (listing.base, listing.quote))
        held = {**dict.fromkeys(listed, ZERO), **account.spot}
        return {a: (total - locked.get(a, ZERO), locked.get(a, ZERO)) for a, total in held.items()}

    def linear_account(self, user: str) -> LinearAccount:
        """The derivatives account in total."""
        return self.floor.board.linear_account(self.floor.account(user))

    def positions(self, user: str) -> list[SimPosition]:
        """A row for each listed perpetual, zero rows included."""
        board, account = self.floor.board, self.floor.account(user)
        return [board.position(account, symbol) for symbol in board.perpetuals]

    def set_leverage(self, user: str, symbol: str, leverage: int) -> None:
        """Change a symbol's leverage; raises `Refused(LEVERAGE)`."""
        tiers = self.floor.pit(Wallet.LINEAR, symbol).listing.tiers
        if not 1 <= leverage <= tiers[0].leverage_cap:
            raise Refused(Refusal.LEVERAGE, f"leverage {leverage} is not valid")
        self.floor.account(user).leverage[symbol] = leverage

    def set_isolated(self, user: str, symbol: str, isolated: bool) -> None:
        """Change a symbol's margin mode; raises `Refused(NO_CHANGE | POSITION_OPEN)`."""
        self.floor.pit(Wallet.LINEAR, symbol)
        account = self.floor.account(user)
        if (symbol in account.isolated) is isolated:
            raise Refused(Refusal.NO_CHANGE, "no need to change margin type")
        if account.holding(symbol).quantity or account.orders_in(Wallet.LINEAR, symbol):
            raise Refused(Refusal.POSITION_OPEN, "margin type cannot change with orders or a position")
        account.isolated ^= {symbol}

    def set_hedge_mode(self, user: str, hedge_mode: bool) -> None:
        """Change the position mode flag; hedge mode can be set (to test the guard) but not traded in."""
        account = self.floor.account(user)
        if account.hedge_mode is hedge_mode:
            raise Refused(Refusal.NO_CHANGE, "no need to change position side")
        if self.floor.board.held(account) or self.open_orders(user, Wallet.LINEAR):
            raise Refused(Refusal.POSITION_OPEN, "position side cannot change with orders or a position")
        account.hedge_mode = hedge_mode

    def hedge_mode(self, user: str) -> bool:
        """Whether the account is in hedge (two-way) mode."""
        return self.floor.account(user).hedge_mode

    def fees(self, user: str, wallet: Wallet) -> tuple[Decimal, Decimal]:
        """The user's (maker, taker) rates, by tier."""
        return self.floor.rates(self.floor.account(user), wallet)

    def deposit(self, user: str, wallet: Wallet, asset: str, quantity: Decimal) -> None:
        """Move coins in from outside (negative: a withdrawal; raises `Refused(INSUFFICIENT_BALANCE)`)."""
        self._credit(user, wallet, asset, quantity, "deposit" if quantity > 0 else "withdrawal")
        self.floor.ledger.deposited[asset] += quantity

    def transfer(self, user: str, asset: str, quantity: Decimal, *, to: Wallet) -> None:
        """Move collateral between the user's wallets; raises `Refused(INSUFFICIENT_BALANCE)`."""
        source = Wallet.SPOT if to is Wallet.LINEAR else Wallet.LINEAR
        assert quantity > 0, "the direction is in `to`"
        assert asset == COLLATERAL, "only collateral is transferred"
        self._credit(user, source, asset, -quantity, "transfer")
        self._credit(user, to, asset, quantity, "transfer")

    def _credit(self, user: str, wallet: Wallet, asset: str, quantity: Decimal, reason: str) -> None:
        account = self.floor.account(user)
        if wallet is Wallet.LINEAR:
            assert asset == COLLATERAL, "the derivatives wallet holds collateral only"
            free = min(self.floor.board.available(account), account.wallet_balance)
        else:
            free = account.free(asset, self.listings)
        if quantity < 0 and free < -quantity:
            raise Refused(Refusal.INSUFFICIENT_BALANCE, f"not enough free {asset}")
        if wallet is Wallet.LINEAR:
            account.wallet_balance += quantity
        else:
            account.spot[asset] += quantity
        self.floor.publish(BalanceNews(user=user, wallet=wallet, reason=reason, at=self.now))

    def deleverage(self, user: str, symbol: str, quantity: Decimal, price: Decimal | None = None) -> Decimal:
        """Auto-deleverage a user's position against the crowd; the quantity (coins) that was reduced.

        At `price`, or at the mark. The order bears the client id `adl_autoclose`.
        """
        return self._beat.liquidator.deleverage(user, symbol, quantity, price)

    def relist(self, listing: Listing) -> None:
        """Give a listing other rules from now on; orders and positions stay as they are."""
        self.listings[listing.wallet, listing.symbol] = listing
        self.floor.pit(listing.wallet, listing.symbol).listing = listing
        if listing.wallet is Wallet.LINEAR:
            self.floor.board.perpetuals[listing.symbol] = listing

    # --- prices ---------------------------------------------------------------------------------------------

    def best(self, wallet: Wallet, symbol: str) -> BestPrices:
        """The best prices now."""
        return self.floor.best(self.floor.pit(wallet, symbol))

    def depth(self, wallet: Wallet, symbol: str, limit: int) -> tuple[Levels, Levels]:
        """(bids, asks), best first, as (price, quantity)."""
        book = self.floor.pit(wallet, symbol).book
        return book.levels(Side.BUY, limit), book.levels(Side.SELL, limit)

    def premium(self, symbol: str) -> Premium:
        """Mark, index and funding of a perpetual now."""
        return self.floor.tracker(symbol).view(self.now)

    def set_index(self, base: str, price: Decimal | None) -> None:
        """Fix a coin's index price (USDT), as recorded streams do; None: follow the spot book again."""
        self.floor.indices[base] = price

    def set_funding_rate(self, symbol: str, rate: Decimal | None) -> None:
        """Fix what the next settlement pays for one interval; None: compute it from the premium again."""
        self.floor.tracker(symbol).forced_rate = rate

    def set_crowd(self, wallet: Wallet, symbol: str, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Make the anonymous quantity at a level equal `quantity`; `publish` when a batch is complete."""
        pit = self.floor.pit(wallet, symbol)
        self.floor.settle(pit, pit.book.set_crowd(side, price, quantity))

    def crowd_takes(
        self, wallet: Wallet, symbol: str, side: Side, quantity: Decimal, limit: Decimal | None = None
    ) -> None:
        """An anonymous order takes up to `quantity` at prices no worse than `limit`; `publish` afterwards."""
        pit = self.floor.pit(wallet, symbol)
        self.floor.settle(pit, pit.book.take(side, quantity, limit, taker_id=0, owner=None))

    def publish(self, wallet: Wallet, symbol: str) -> None:
        """Publish the best prices of a book if they have changed."""
        self.floor.publish_book(self.floor.pit(wallet, symbol))

    def refresh_marks(self) -> None:
        """Recompute marks now instead of at the next full second, and liquidate whom they sink."""
        self._beat.mark()

    # --- truth ----------------------------------------------------------------------------------------------

    def truth(self, user: str) -> Truth:
        """Everything about a user, for tests and the summary."""
        account = self.floor.account(user)
        trades = sorted((t for ts in account.trades.values() for t in ts), key=lambda t: t.trade_id)
        return Truth(
            now=self.now,
            spot=dict(account.spot),
            positions={s: account.holding(s).quantity for s in self.floor.board.perpetuals},
            open_orders=[copy.copy(o) for o in account.working.values()],
            trades=trades,
            funding=list(account.funding),
            fees=dict(account.fees),
            liquidations=account.liquidations,
            deleveragings=account.deleveragings,
            creates_accepted=account.creates_accepted,
            creates_refused=account.creates_refused,
            duplicate_client_ids=account.duplicate_client_ids,
        )
