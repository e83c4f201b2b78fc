"""The exchange's beat, once a second: index and mark prices, funding when due, then liquidations."""

from __future__ import annotations

from decimal import Decimal

from hedger.model.instrument import Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.sim.average import ending_of
from hedger.sim.floor import Floor
from hedger.sim.funding import PremiumTracker
from hedger.sim.ledger import Account, grid_of
from hedger.sim.liquidation import Liquidator
from hedger.sim.nouns import BalanceNews, FundingRecord, Listing, PremiumNews
from hedger.sim.past import Past, Settlement
from hedger.sim.pit import Pit

BEAT_MS = 1_000


class Beat:
    """What every full second brings."""

    def __init__(self, floor: Floor, every_ms: int = BEAT_MS, past: Past | None = None) -> None:
        self.liquidator = Liquidator(floor)
        self._floor, self._every_ms = floor, every_ms
        self._past = past if past is not None else Past()
        self._payment_id = 9_000_000

    def next_at(self, now: int) -> int:
        """The next full second (or whatever the beat is) after `now` (ms)."""
        return (now // self._every_ms + 1) * self._every_ms

    def happen(self) -> None:
        """Marks, then funding that is due at the new marks, then liquidations."""
        self._observe()
        for pit in self._floor.contracts.values():
            tracker = pit.tracker
            if tracker is not None and not tracker.dated and self._floor.now >= tracker.next_funding_at:
                self._settle_funding(pit, tracker)
        self._watch()

    def mark(self) -> None:
        """Marks and liquidations only."""
        self._observe()
        self._watch()

    def _watch(self) -> None:
        if all(self._floor.marks.values()):
            self.liquidator.watch()

    def _observe(self) -> None:
        floor, seen = self._floor, set[str]()
        for pit in floor.contracts.values():
            index = self._index(pit)
            if index is None or pit.tracker is None:
                continue
            if pit.listing.base not in seen:
                seen.add(pit.listing.base)
                self._past.observe(pit.listing.base, floor.now, index)
            if pit.tracker.dated:
                pit.tracker.settling = self._settling(pit.listing, index)
            pit.tracker.observe(floor.now, index, pit.book)
            floor.marks[pit.listing.symbol] = pit.tracker.mark_price
            if floor.listeners:
                premium, listing = pit.tracker.view(floor.now), pit.listing
                floor.publish(PremiumNews(symbol=listing.symbol, premium=premium, wallet=listing.wallet))

    def _index(self, pit: Pit) -> Decimal | None:
        """The coin's index in the contract's terms; where nothing was ever seen of it, the contract's own mid."""
        listing = pit.listing
        index = self._floor.index_in(listing.base, listing.quote)
        if index is None:
            return self._floor.mid(pit)
        return index * _coins_quoted(listing)

    def _settling(self, listing: Listing, index: Decimal) -> Decimal | None:
        """What the settlement average comes to at the present index, once it is being taken."""
        ending, quoted = ending_of(listing), _coins_quoted(listing)
        average = self._floor.averages.get(ending) if ending is not None else None
        return average.expected(index / quoted) * quoted if average is not None else None

    # --- funding --------------------------------------------------------------------------------------------

    def _settle_funding(self, pit: Pit, tracker: PremiumTracker) -> None:
        """Longs pay shorts at a positive rate; the crowd is the other side of the users in sum."""
        listing, mark = pit.listing, tracker.mark_price
        at, rate, paid = tracker.next_funding_at, tracker.rate, ZERO
        tracker.settle()
        self._past.settle(listing.symbol, Settlement(at, rate, mark))
        for account in self._floor.ledger.accounts.values():
            quantity = account.holding(listing.symbol).quantity
            if quantity:
                amount = (-listing.notional(quantity, mark) * rate).quantize(grid_of(listing.settle))
                self._pay(account, listing, amount, rate, at)
                paid += amount
        self._floor.ledger.crowd.wallets[listing.settle] -= paid

    def _pay(self, account: Account, listing: Listing, amount: Decimal, rate: Decimal, at: int) -> None:
        self._payment_id += 1
        account.wallets[listing.settle] += amount
        if listing.symbol in account.isolated:
            account.holding(listing.symbol).isolated_margin += amount
        account.funding.append(
            FundingRecord(
                payment_id=self._payment_id,
                symbol=listing.symbol,
                amount=amount,
                asset=listing.settle,
                rate=rate,
                at=at,
            )
        )
        self._floor.publish(BalanceNews(user=account.name, wallet=listing.wallet, reason="funding", at=at))


def _coins_quoted(listing: Listing) -> Decimal:
    """For how many coins a contract's price is."""
    return ONE if listing.payoff is Payoff.INVERSE else listing.contract_multiplier
