"""The exchange: users, wallets, books, margin, funding, liquidation; it moves only when told the time."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.model.order import Side
from hedger.sim import admission, fees
from hedger.sim.audit import truth_of, wallets_of
from hedger.sim.dead_man import DeadManSwitch
from hedger.sim.expiry import Expiries
from hedger.sim.fees import FeeTier
from hedger.sim.floor import Floor
from hedger.sim.ledger import Account
from hedger.sim.nouns import (
    BestPrices,
    FundingRecord,
    LinearAccount,
    Listing,
    ListingNews,
    News,
    OptionListing,
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
from hedger.sim.options import OptionMark
from hedger.sim.past import Origin, Past
from hedger.sim.pit import Pit
from hedger.sim.settlement import BEAT_MS, Beat
from hedger.sim.treasury import Treasury

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
        origin: Origin | None = None,
    ) -> None:
        """`beat_ms` is how often marks are computed; a long simulation may do with fewer. With an `origin` the index
        has a past from before the start."""
        self.listings: dict[tuple[Wallet, str], Listing] = {(x.wallet, x.symbol): x for x in listings}
        self.floor = Floor(listings=self.listings, now=start_at, fee_table=fee_table)
        self._schedule: list[tuple[int, int, Callable[[], None]]] = []
        self._scheduled = 0
        self.past = Past(origin)
        self._beat = Beat(self.floor, beat_ms, self.past)
        self._treasury = Treasury(self.floor, self.listings)
        self.expiries = Expiries(self.floor, self.schedule, self._succeed)
        for listing in self.listings.values():
            self.expiries.watch(listing)
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

    def _succeed(self, settled: Listing, heir: Listing) -> None:
        """A contract has ended: the next quarter's takes its place."""
        del self.listings[settled.wallet, settled.symbol]
        self.enlist(heir)

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
        if account.hedge_mode and order.wallet is not Wallet.SPOT:
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
        listings = self.listings.values()
        listed = (a for x in listings for a in ((x.base,) if x.wallet is Wallet.INVERSE else (x.base, x.quote)))
        held = {**dict.fromkeys(listed, ZERO), **account.spot}
        return {a: (total - locked.get(a, ZERO), locked.get(a, ZERO)) for a, total in held.items()}

    def linear_account(self, user: str) -> LinearAccount:
        """The derivatives wallet in USDT."""
        return self.floor.board.wallet(self.floor.account(user))

    def derivatives(self, user: str) -> dict[str, LinearAccount]:
        """Each derivatives wallet in its own asset: USDT, and every coin that something of the user settles in."""
        floor, account = self.floor, self.floor.account(user)
        return {asset: floor.board.wallet(account, asset) for asset in wallets_of(floor, account)}

    def options(self, user: str) -> list[tuple[OptionListing, Decimal, OptionMark]]:
        """The user's options: which, how many contracts with their sign, and what they are worth now."""
        desk = self.floor.options
        held = ((desk.listings[symbol], quantity) for symbol, quantity in self.floor.account(user).options.items())
        return [(listing, quantity, desk.mark(listing)) for listing, quantity in held]

    def positions(self, user: str) -> list[SimPosition]:
        """A row for each listed contract, zero rows included."""
        floor, account = self.floor, self.floor.account(user)
        return [floor.board.position(account, symbol, floor.tracker(symbol).index_price) for symbol in floor.contracts]

    def set_leverage(self, user: str, symbol: str, leverage: int) -> None:
        """Change a symbol's leverage; raises `Refused(LEVERAGE)`."""
        tiers = self.floor.contract(symbol).listing.tiers
        if not 1 <= leverage <= tiers[0].leverage_cap:
            raise Refused(Refusal.LEVERAGE, f"leverage {leverage} is not valid")
        self.floor.account(user).leverage[symbol] = leverage

    def set_isolated(self, user: str, symbol: str, isolated: bool) -> None:
        """Change a symbol's margin mode; raises `Refused(NO_CHANGE | POSITION_OPEN)`."""
        wallet = self.floor.contract(symbol).listing.wallet
        account = self.floor.account(user)
        if (symbol in account.isolated) is isolated:
            raise Refused(Refusal.NO_CHANGE, "no need to change margin type")
        if account.holding(symbol).quantity or account.orders_in(wallet, symbol):
            raise Refused(Refusal.POSITION_OPEN, "margin type cannot change with orders or a position")
        account.isolated ^= {symbol}

    def set_hedge_mode(self, user: str, hedge_mode: bool) -> None:
        """Change the position mode flag; hedge mode can be set (to test the guard) but not traded in."""
        account = self.floor.account(user)
        if account.hedge_mode is hedge_mode:
            raise Refused(Refusal.NO_CHANGE, "no need to change position side")
        if self.floor.board.held(account) or any(o.wallet is not Wallet.SPOT for o in account.working.values()):
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
        self._treasury.deposit(user, wallet, asset, quantity)

    def transfer(self, user: str, asset: str, quantity: Decimal, *, to: Wallet) -> None:
        """Move collateral between the user's wallets; raises `Refused(INSUFFICIENT_BALANCE)`."""
        self._treasury.transfer(user, asset, quantity, to=to)

    def grant_option(
        self, user: str, listing: OptionListing, quantity: Decimal, *, premium: Decimal | None = None
    ) -> None:
        """Give a user `quantity` contracts (negative: sold) of an option, which is listed by that.

        `premium` for one coin, in what the option settles in, changes hands if it is given; raises
        `Refused(INSUFFICIENT_BALANCE)`.
        """
        self._treasury.grant(user, listing, quantity, premium)
        self.expiries.watch(listing)

    def deleverage(self, user: str, symbol: str, quantity: Decimal, price: Decimal | None = None) -> Decimal:
        """Auto-deleverage a user's position against the crowd; the quantity (coins) that was reduced.

        At `price`, or at the mark. The order bears the client id `adl_autoclose`.
        """
        return self._beat.liquidator.deleverage(user, symbol, quantity, price)

    def relist(self, listing: Listing) -> None:
        """Give a listing other rules from now on; orders and positions stay as they are."""
        self.listings[listing.wallet, listing.symbol] = listing
        self.floor.pit(listing.wallet, listing.symbol).listing = listing
        if listing.wallet is not Wallet.SPOT:
            self.floor.board.contracts[listing.symbol] = listing

    def enlist(self, listing: Listing) -> None:
        """List one more pair or contract, from now on; a dated one until it is settled."""
        self.listings[listing.wallet, listing.symbol] = listing
        self.floor.enlist(listing)
        self.expiries.watch(listing)
        self._beat.mark()
        self.floor.publish(
            ListingNews(wallet=listing.wallet, symbol=listing.symbol, settled_at_price=None, at=self.now)
        )

    def rules_of(self, wallet: Wallet, symbol: str) -> Listing:
        """The rules of a listing, also of a contract that has been settled; raises `Refused(UNKNOWN_SYMBOL)`."""
        found, settled = self.listings.get((wallet, symbol)), self.expiries.settled.get((wallet, symbol))
        if found is not None:
            return found
        if settled is None:
            raise Refused(Refusal.UNKNOWN_SYMBOL, f"{symbol} is not listed")
        return settled.listing

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
        return truth_of(self.floor, self.floor.account(user))
