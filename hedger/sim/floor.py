"""The trading floor: one pit per listing, where orders meet and each execution is booked and published."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from hedger.model.numeric import ONE, ZERO
from hedger.model.order import Side
from hedger.sim import admission, fees
from hedger.sim.average import Average, Ending
from hedger.sim.book import Match, Resting
from hedger.sim.fees import FeeTier
from hedger.sim.funding import PremiumTracker
from hedger.sim.ledger import Account, Ledger
from hedger.sim.nouns import (
    BalanceNews,
    BestPrices,
    BookNews,
    Listing,
    News,
    OrderKind,
    OrderNews,
    OrderState,
    Refusal,
    Refused,
    SimOrder,
    UserTrade,
    Wallet,
)
from hedger.sim.options import OptionsDesk
from hedger.sim.pit import CROWD, Party, Pit, open_pit
from hedger.sim.standing import Board


class Floor:
    """Books, accounts and news at one time, `now`; it knows neither the schedule nor who may ask for what."""

    def __init__(
        self,
        *,
        listings: Mapping[tuple[Wallet, str], Listing],
        now: int,
        fee_table: Mapping[Wallet, Sequence[FeeTier]],
    ) -> None:
        self.now = now
        self.ledger = Ledger()
        self.listeners: list[Callable[[News], None]] = []
        self.indices: dict[str, Decimal | None] = {}
        self.marks: dict[str, Decimal] = {}
        self._seen: dict[str, Decimal] = {}
        self.usdt_price = ONE  # in USD, for contracts that are quoted in it
        self.carries: dict[str, float] = {}
        self.averages: dict[Ending, Average] = {}
        self.pits: dict[tuple[Wallet, str], Pit] = {}
        self.spots: dict[str, Pit] = {}  # by coin: the pair whose middle is the coin's index
        self.contracts: dict[str, Pit] = {}
        self.editions = 0
        self.options = OptionsDesk(self)
        self.board = Board(contracts={}, marks=self.marks, options=self.options)
        for listing in listings.values():
            self.enlist(listing)
        self._fee_table = fee_table
        self._order_id = 1_000_000
        self._trade_id = 5_000_000

    # --- lookups --------------------------------------------------------------------------------------------

    def account(self, user: str) -> Account:
        """A user's account; raises KeyError."""
        return self.ledger.accounts[user]

    def pit(self, wallet: Wallet, symbol: str) -> Pit:
        """A listing's pit; raises `Refused(UNKNOWN_SYMBOL)`."""
        pit = self.pits.get((wallet, symbol))
        if pit is None:
            raise Refused(Refusal.UNKNOWN_SYMBOL, f"{symbol} is not listed")
        return pit

    def contract(self, symbol: str) -> Pit:
        """A contract's pit; raises `Refused(UNKNOWN_SYMBOL)`."""
        pit = self.contracts.get(symbol)
        if pit is None:
            raise Refused(Refusal.UNKNOWN_SYMBOL, f"{symbol} is not listed")
        return pit

    def tracker(self, symbol: str) -> PremiumTracker:
        """The premium of a contract; raises `Refused(UNKNOWN_SYMBOL)`."""
        tracker = self.contract(symbol).tracker
        assert tracker is not None
        return tracker

    def rates(self, account: Account, wallet: Wallet) -> tuple[Decimal, Decimal]:
        """(maker, taker) of a user now; the crowd pays nothing."""
        if account is self.ledger.crowd:
            return ZERO, ZERO
        return fees.rates(self._fee_table[wallet], account.volumes[wallet].at(self.now))

    def reference(self, pit: Pit) -> Decimal:
        """A price by which the notional of a market order is judged."""
        if pit.listing.wallet is not Wallet.SPOT and self.marks[pit.listing.symbol]:
            return self.marks[pit.listing.symbol]
        return self.mid(pit) or ZERO

    def mid(self, pit: Pit) -> Decimal | None:
        """Half-way between best bid and best ask; None without both."""
        bid, ask = pit.book.best(Side.BUY), pit.book.best(Side.SELL)
        return (bid[0] + ask[0]) / 2 if bid and ask else None

    def coin_index(self, base: str) -> Decimal | None:
        """A coin's index in USDT: what was set, else the spot mid, else what it last was."""
        fixed = self.indices.get(base)
        spot = self.spots.get(base) if fixed is None else None
        index = fixed if spot is None else self.mid(spot)
        if index is None:
            return self._seen.get(base)
        self._seen[base] = index
        return index

    def index_in(self, base: str, quote: str) -> Decimal | None:
        """The same in a quote, USDT or USD."""
        index = self.coin_index(base)
        return index * self.usdt_price if index is not None and quote == "USD" else index

    def dated(self, base: str, quote: str, expiry_at: int) -> tuple[Listing, Decimal] | None:
        """The contract on a coin in a quote that ends at `expiry_at`, and its mark; None where none is listed."""
        for pit in self.contracts.values():
            if (pit.listing.base, pit.listing.quote, pit.listing.expiry_at) == (base, quote, expiry_at):
                return pit.listing, self.marks[pit.listing.symbol]
        return None

    # --- what is listed -------------------------------------------------------------------------------------

    def enlist(self, listing: Listing) -> None:
        """Open a pit."""
        pit = self.pits[listing.wallet, listing.symbol] = open_pit(listing, self.now)
        self.editions += 1
        if listing.wallet is Wallet.SPOT:
            self.spots.setdefault(listing.base, pit)
        else:
            assert listing.symbol not in self.contracts, "no two contracts share a symbol"
            self.contracts[listing.symbol] = pit
            self.marks[listing.symbol] = ZERO
            self.board.contracts[listing.symbol] = listing

    def delist(self, pit: Pit) -> None:
        """Close the pit of a contract in which nobody has a position or an order any more."""
        symbol = pit.listing.symbol
        for account in self.ledger.everyone():
            account.holdings.pop(symbol, None)
            account.isolated.discard(symbol)
        for place in (self.contracts, self.marks, self.board.contracts):
            del place[symbol]
        del self.pits[pit.listing.wallet, symbol]
        self.editions += 1

    # --- orders ---------------------------------------------------------------------------------------------

    def draft(
        self,
        user: str,
        pit: Pit,
        *,
        side: Side,
        kind: OrderKind,
        quantity: Decimal,
        price: Decimal | None,
        client_order_id: str,
    ) -> SimOrder:
        """An order with an id of its own, not yet accepted."""
        self._order_id += 1
        return SimOrder(
            user=user,
            wallet=pit.listing.wallet,
            symbol=pit.listing.symbol,
            order_id=self._order_id,
            client_order_id=client_order_id or f"auto-{self._order_id}",
            side=side,
            kind=kind,
            quantity=quantity,
            price=price if price is not None and kind is not OrderKind.MARKET else ZERO,
            reduce_only=False,
            created_at=self.now,
            updated_at=self.now,
        )

    def enter(self, account: Account, pit: Pit, order: SimOrder) -> None:
        """Register an accepted order, match it, and rest or expire what is left."""
        account.orders[order.order_id] = order
        account.working[order.order_id] = order
        account.client_ids[order.wallet, order.symbol, order.client_order_id] = order.order_id
        self._tell(order, None)
        self.settle(pit, self._match(pit, order, None))
        if order.order_id in account.working and pit.book.find(order.order_id) is None:
            self.finish(account, pit, order, OrderState.EXPIRED)
        self.publish_book(pit)

    def _match(self, pit: Pit, order: SimOrder, limit: Decimal | None) -> list[Match]:
        if order.kind is OrderKind.MARKET:
            return pit.book.take(order.side, order.quantity, limit, taker_id=order.order_id, owner=order.user)
        return pit.book.add(
            Resting(
                order_id=order.order_id,
                owner=order.user,
                side=order.side,
                price=order.price,
                remaining=order.quantity,
            )
        )

    def force(
        self,
        account: Account,
        pit: Pit,
        side: Side,
        quantity: Decimal,
        client_order_id: str,
        limit: Decimal | None,
    ) -> SimOrder:
        """Close a user's position for them, up to `limit`; without one the order is registered only."""
        order = self.draft(
            account.name,
            pit,
            side=side,
            kind=OrderKind.MARKET,
            quantity=quantity,
            price=None,
            client_order_id=client_order_id,
        )
        account.orders[order.order_id] = account.working[order.order_id] = order
        account.client_ids[order.wallet, order.symbol, client_order_id] = order.order_id
        self._tell(order, None)
        if limit is not None:
            self.settle(pit, self._match(pit, order, limit))
            self.publish_book(pit)
        return order

    def finish(self, account: Account, pit: Pit, order: SimOrder, state: OrderState) -> None:
        """End a working order: canceled by its user, or expired by the exchange."""
        pit.book.cancel(order.order_id)
        del account.working[order.order_id]
        order.state, order.updated_at = state, self.now
        self._tell(order, None)

    # --- executions -----------------------------------------------------------------------------------------

    def settle(self, pit: Pit, matches: Sequence[Match]) -> None:
        """Book and publish the executions that concern a user."""
        for match in matches:
            maker = match.maker
            if maker.owner is None and match.taker_owner is None:
                continue
            taker = Party(match.taker_owner, match.taker_id)
            room = self._room(maker.owner, maker.order_id, match.quantity)
            if room:
                self.execute(pit, maker.side, maker.price, room, Party(maker.owner, maker.order_id), taker)
            if room < match.quantity:
                self.execute(pit, maker.side, maker.price, match.quantity - room, CROWD, taker)

    def _room(self, owner: str | None, order_id: int, quantity: Decimal) -> Decimal:
        """How much of a matched order may still trade: an earlier match may have trimmed it (reduce-only).

        The crowd takes the place of what was trimmed.
        """
        if owner is None:
            return quantity
        order = self.account(owner).working.get(order_id)
        return min(quantity, order.quantity - order.filled) if order is not None else ZERO

    def execute(
        self,
        pit: Pit,
        side: Side,
        price: Decimal,
        quantity: Decimal,
        maker: Party,
        taker: Party,
        *,
        forced: bool = False,
        fee: Decimal = ZERO,
    ) -> None:
        """Book one execution on both sides (`side` is the maker's), then trim what may no longer reduce.

        A forced execution (deleveraging, delivery) has no maker, and costs a user the share `fee` of its worth.
        """
        if maker.owner is None and taker.owner is None:
            return
        self._trade_id += 1
        other = Side.BUY if side is Side.SELL else Side.SELL
        self._book_side(pit, maker, side, quantity, price, None if forced else True, fee)
        self._book_side(pit, taker, other, quantity, price, None if forced else False, fee)
        for owner in (maker.owner, taker.owner):
            if owner is not None and pit.listing.wallet is not Wallet.SPOT:
                self.trim_reduce_only(self.account(owner), pit)

    def _book_side(
        self, pit: Pit, party: Party, side: Side, quantity: Decimal, price: Decimal, is_maker: bool | None, fee: Decimal
    ) -> None:
        account, listing = self.ledger.account(party.owner), pit.listing
        rate = ZERO if party.owner is None else fee
        if is_maker is not None:
            rate = self.rates(account, listing.wallet)[0 if is_maker else 1]
        booked = self.ledger.book(account, listing, side, quantity, price, rate, self.now)
        if party.owner is None:
            return
        order = account.orders[party.order_id]
        trade = UserTrade(
            trade_id=self._trade_id,
            user=party.owner,
            wallet=listing.wallet,
            symbol=listing.symbol,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            side=side,
            quantity=quantity,
            price=price,
            fee=booked.fee,
            fee_asset=booked.fee_asset,
            maker=bool(is_maker),
            realized_pnl=booked.realized_pnl,
            at=self.now,
        )
        account.trades.setdefault((listing.wallet, listing.symbol), []).append(trade)
        self._count_fill(account, order, trade, listing)

    def _count_fill(self, account: Account, order: SimOrder, trade: UserTrade, listing: Listing) -> None:
        order.filled += trade.quantity
        order.quote_filled += listing.in_quote(trade.quantity, trade.price)
        order.updated_at = self.now
        done = order.filled >= order.quantity
        order.state = OrderState.FILLED if done else OrderState.PARTIALLY_FILLED
        if done:
            account.working.pop(order.order_id, None)
        self._tell(order, trade)
        self.publish(BalanceNews(user=order.user, wallet=order.wallet, reason="trade", at=self.now))

    def trim_reduce_only(self, account: Account, pit: Pit) -> None:
        """Shrink, newest first, reduce-only orders that together could do more than close the position."""
        for side in Side:
            orders = admission.reducing(account, pit.listing.symbol, side)
            excess = sum((o.quantity - o.filled for o in orders), ZERO)
            excess -= admission.reducible(account, pit.listing.symbol, side)
            for order in reversed(orders):
                if excess > 0:
                    excess -= self._shrink(account, pit, order, excess)

    def _shrink(self, account: Account, pit: Pit, order: SimOrder, excess: Decimal) -> Decimal:
        remaining = order.quantity - order.filled
        if excess >= remaining:
            self.finish(account, pit, order, OrderState.EXPIRED)
            return remaining
        if pit.book.find(order.order_id) is not None:
            pit.book.reduce(order.order_id, excess)
        order.quantity -= excess
        order.updated_at = self.now
        self._tell(order, None)
        return excess

    # --- news -----------------------------------------------------------------------------------------------

    def publish(self, news: News) -> None:
        """Tell every listener."""
        for listener in self.listeners:
            listener(news)

    def publish_book(self, pit: Pit) -> None:
        """Tell of a book whose best prices or quantities have changed."""
        present = (pit.book.best(Side.BUY), pit.book.best(Side.SELL))
        if present != pit.published:
            pit.published = present
            pit.update_id += 1
            pit.changed_at = self.now
            if self.listeners:
                listing = pit.listing
                self.publish(BookNews(wallet=listing.wallet, symbol=listing.symbol, best=self.best(pit)))

    def best(self, pit: Pit) -> BestPrices:
        """The best prices of a pit as they are."""
        bid, ask = pit.book.best(Side.BUY), pit.book.best(Side.SELL)
        return BestPrices(
            bid=bid[0] if bid else None,
            bid_quantity=bid[1] if bid else ZERO,
            ask=ask[0] if ask else None,
            ask_quantity=ask[1] if ask else ZERO,
            update_id=pit.update_id,
            at=pit.changed_at,
        )

    def _tell(self, order: SimOrder, trade: UserTrade | None) -> None:
        self.publish(OrderNews(order=copy.copy(order), trade=trade, at=self.now))
