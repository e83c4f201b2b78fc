"""The exchange's beat, once a second: index and mark prices, funding when due, then liquidations."""

from __future__ import annotations

from decimal import Decimal

from hedger.model.numeric import ZERO
from hedger.sim.floor import Floor, Pit
from hedger.sim.funding import PremiumTracker
from hedger.sim.ledger import COLLATERAL, GRID, Account
from hedger.sim.liquidation import Liquidator
from hedger.sim.nouns import BalanceNews, FundingRecord, PremiumNews, Wallet

BEAT_MS = 1_000


class Beat:
    """What every full second brings."""

    def __init__(self, floor: Floor, every_ms: int = BEAT_MS) -> None:
        self.liquidator = Liquidator(floor)
        self._floor, self._every_ms = floor, every_ms
        self._payment_id = 9_000_000

    def next_at(self, now: int) -> int:
        """The next full second (or whatever the beat is) after `now` (ms)."""
        return (now // self._every_ms + 1) * self._every_ms

    def happen(self) -> None:
        """Marks, then funding that is due at the new marks, then liquidations."""
        self._observe()
        for pit in self._floor.perpetuals:
            tracker = pit.tracker
            if tracker is not None and self._floor.now >= tracker.next_funding_at:
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
        floor = self._floor
        for pit in floor.perpetuals:
            index = self._index(pit)
            if index is None or pit.tracker is None:
                continue
            pit.tracker.observe(floor.now, index, pit.book)
            floor.marks[pit.listing.symbol] = pit.tracker.mark_price
            if floor.listeners:
                floor.publish(PremiumNews(symbol=pit.listing.symbol, premium=pit.tracker.view(floor.now)))

    def _index(self, pit: Pit) -> Decimal | None:
        """What was set, else the spot mid, else what it last was, else the perpetual's own mid."""
        listing = pit.listing
        fixed = self._floor.indices.get(listing.base)
        if fixed is not None:
            return fixed
        spot = self._floor.pits.get((Wallet.SPOT, f"{listing.base}{listing.quote}"))
        mid = self._floor.mid(spot) if spot is not None else None
        if mid is None and pit.tracker is not None and pit.tracker.index_price:
            return pit.tracker.index_price
        return mid if mid is not None else self._floor.mid(pit)

    # --- funding --------------------------------------------------------------------------------------------

    def _settle_funding(self, pit: Pit, tracker: PremiumTracker) -> None:
        """Longs pay shorts at a positive rate; the crowd is the other side of the users in sum."""
        symbol, mark = pit.listing.symbol, tracker.mark_price
        at, rate, paid = tracker.next_funding_at, tracker.rate, ZERO
        tracker.settle()
        for account in self._floor.ledger.accounts.values():
            quantity = account.holding(symbol).quantity
            if quantity:
                amount = (-quantity * mark * rate).quantize(GRID)
                self._pay(account, symbol, amount, rate, at)
                paid += amount
        self._floor.ledger.crowd.wallet_balance -= paid

    def _pay(self, account: Account, symbol: str, amount: Decimal, rate: Decimal, at: int) -> None:
        self._payment_id += 1
        account.wallet_balance += amount
        if symbol in account.isolated:
            account.holding(symbol).isolated_margin += amount
        account.funding.append(
            FundingRecord(payment_id=self._payment_id, symbol=symbol, amount=amount, asset=COLLATERAL, rate=rate, at=at)
        )
        self._floor.publish(BalanceNews(user=account.name, wallet=Wallet.LINEAR, reason="funding", at=at))
