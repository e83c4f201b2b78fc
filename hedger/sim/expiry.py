"""How dated contracts and options end: an average is taken, all is settled at it, and the next quarter is listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from hedger.model.instrument import Payoff
from hedger.model.order import Side
from hedger.sim.average import Average, Ending, ending_of
from hedger.sim.floor import Floor
from hedger.sim.ledger import Account
from hedger.sim.liquidation import SETTLEMENT
from hedger.sim.naming import contract_name, quarters
from hedger.sim.nouns import BalanceNews, Listing, ListingNews, OptionListing, OrderState, Wallet
from hedger.sim.pit import CROWD, Party, Pit

SAMPLE_MS = 1_000
Happen = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A contract that ended: its rules, the price that it was settled at, and when."""

    listing: Listing
    price: Decimal
    at: int


class Expiries:
    """Takes the averages, once a second, and settles what they are for.

    `schedule` and `succeed` (the contract that ended, and the one to list in its place) are the exchange's.
    """

    def __init__(
        self,
        floor: Floor,
        schedule: Callable[[int, Callable[[], None]], None],
        succeed: Callable[[Listing, Listing], None],
    ) -> None:
        self._floor, self._schedule, self._succeed = floor, schedule, succeed
        self._watched: set[Ending] = set()
        self._closes = 0
        self.settled: dict[tuple[Wallet, str], Settled] = {}

    def watch(self, listing: Listing | OptionListing) -> None:
        """See to the end of a listing; one that has no end, or whose end is seen to, changes nothing."""
        ending = ending_of(listing)
        if ending is None or ending in self._watched:
            return
        assert ending.expiry_at > self._floor.now, "what has expired is not listed"
        self._watched.add(ending)
        begins_at = ending.expiry_at - max(ending.settlement_ms - SAMPLE_MS, 0)
        behind = max(0, self._floor.now - begins_at)
        first_at = begins_at + -(-behind // SAMPLE_MS) * SAMPLE_MS
        self._schedule(first_at, lambda: self._sample(ending))

    def _sample(self, ending: Ending) -> None:
        floor = self._floor
        left = (ending.expiry_at - floor.now) // SAMPLE_MS + 1
        average = floor.averages.setdefault(ending, Average(of=left))
        average.take(floor.index_in(ending.base, ending.quote))
        if floor.now < ending.expiry_at:
            self._schedule(floor.now + SAMPLE_MS, lambda: self._sample(ending))
            return
        self._settle(ending, average)

    def _settle(self, ending: Ending, average: Average) -> None:
        floor, price = self._floor, average.result()
        if price is None:  # nothing was ever seen of the coin: nothing can have been traded either
            return
        for pit in [pit for pit in floor.contracts.values() if ending_of(pit.listing) == ending]:
            self._settle_contract(pit, price)
        for option in [option for option in floor.options.listings.values() if ending_of(option) == ending]:
            self._settle_option(option, price)
        del floor.averages[ending]
        self._watched.discard(ending)

    # --- contracts ------------------------------------------------------------------------------------------

    def _settle_contract(self, pit: Pit, price: Decimal) -> None:
        floor, listing = self._floor, pit.listing
        final = price if listing.payoff is Payoff.INVERSE else price * listing.contract_multiplier
        floor.marks[listing.symbol] = final
        for account in floor.ledger.accounts.values():
            for order in account.orders_in(listing.wallet, listing.symbol):
                floor.finish(account, pit, order, OrderState.CANCELED)
            self._close(account, pit, final)
        self.settled[listing.wallet, listing.symbol] = Settled(listing=listing, price=final, at=floor.now)
        heir = self._heir(listing)
        floor.delist(pit)
        floor.publish(ListingNews(wallet=listing.wallet, symbol=listing.symbol, settled_at_price=final, at=floor.now))
        self._succeed(listing, heir)

    def _close(self, account: Account, pit: Pit, price: Decimal) -> None:
        """The exchange closes a position against the crowd at the final price, for the fee of a delivery."""
        floor, listing = self._floor, pit.listing
        quantity = account.holding(listing.symbol).quantity
        if not quantity:
            return
        self._closes += 1
        side = Side.SELL if quantity > 0 else Side.BUY
        order = floor.force(account, pit, side, abs(quantity), f"{SETTLEMENT}{floor.now}{self._closes:04d}", None)
        owner, fee = Party(account.name, order.order_id), listing.delivery_fee
        floor.execute(pit, side, price, abs(quantity), owner, CROWD, forced=True, fee=fee)
        floor.ledger.cover(account, listing.settle, floor.board.cross_equity(account, listing.settle))
        self._tell(account, listing.wallet)

    def _heir(self, listing: Listing) -> Listing:
        """The same contract of the next quarter that is not listed yet."""
        family = [
            pit.listing.expiry_at
            for pit in self._floor.contracts.values()
            if (pit.listing.wallet, pit.listing.base, pit.listing.quote)
            == (listing.wallet, listing.base, listing.quote)
            and pit.listing.expiry_at is not None
        ]
        expiry_at = quarters(max(family), 1)[0]
        symbol = contract_name(listing.base, listing.quote, listing.payoff, expiry_at)
        return replace(listing, symbol=symbol, expiry_at=expiry_at)

    # --- options --------------------------------------------------------------------------------------------

    def _settle_option(self, option: OptionListing, price: Decimal) -> None:
        floor = self._floor
        for account in floor.options.settle(option, price):
            floor.ledger.cover(account, option.settle, floor.board.cross_equity(account, option.settle))
            self._tell(account, option.wallet)

    def _tell(self, account: Account, wallet: Wallet) -> None:
        news = BalanceNews(user=account.name, wallet=wallet, reason="settlement", at=self._floor.now)
        self._floor.publish(news)
