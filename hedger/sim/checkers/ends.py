"""I7, I11, I13, I25: only a maker's fills, each in the journal once, quiet after the faults, and nothing that grows."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal

from hedger.engine.known.policy import COMPUTED, OCCASIONAL, Band, BandRule, Hedge
from hedger.model.numeric import ZERO
from hedger.model.spans import HOUR_MS
from hedger.sim.checkers.finding import Finding
from hedger.sim.checkers.targets import Held, wanted
from hedger.sim.checkers.witness import Witness
from hedger.sim.happenings import Committed, Happening, Stepped, Struck
from hedger.sim.nouns import Wallet

MOST_ORDERS = 300
MOST_ROWS_AN_HOUR = 40_000
TAKER_FAULTS = frozenset({"V16", "V17"})


class FillsChecker:
    """Our executions, by the exchange: each a maker's, each written once, and in the end all of them."""

    hears: tuple[type, ...] = (Stepped, Committed, Struck)

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._written: set[str] = set()
        self._excused = False
        self._forgiven: set[str] = set()

    def look(self, happening: Happening) -> Iterator[Finding]:
        """A fill that was written twice, or in which we took."""
        match happening:
            case Stepped():
                if self._witness.takers:
                    yield from self._takers(happening.at)
            case Struck():
                self._excused = self._excused or happening.code in TAKER_FAULTS
            case Committed():
                for kind, key in happening.rows:
                    if kind == "fill":
                        if key in self._written:
                            yield Finding(invariant="I11", at=happening.at, sentence=f"{key} was written a second time")
                        self._written.add(key)
            case _:
                pass

    def _takers(self, at: int) -> Iterator[Finding]:
        """A venue that does not honour post-only is not our doing; that we notice and halt is another claim."""
        takers, self._witness.takers = self._witness.takers, []
        for trade in takers:
            if not self._excused:
                text = f"{trade.client_order_id} took {trade.quantity} at {trade.price}"
                yield Finding(invariant="I7", at=at, sentence=text)

    def forgive(self, names: Collection[str]) -> None:
        """Orders whose executions this journal cannot know: another copy of it was written by another process."""
        self._forgiven.update(names)

    def audit(self, at: int, booked: Mapping[str, Decimal]) -> Iterator[Finding]:
        """At the end: what the journal booked of each order (by client id) is what the exchange executed of it."""
        truth: dict[str, Decimal] = {}
        for account in self._witness.users:
            for (wallet, _), trades in self._witness.book_of(account).trades.items():
                for trade in trades if wallet is not Wallet.SPOT else ():
                    if self._witness.is_ours(trade.client_order_id):
                        truth[trade.client_order_id] = truth.get(trade.client_order_id, ZERO) + trade.quantity
        for name in sorted({*truth, *booked} - self._forgiven):
            mine, theirs = booked.get(name, ZERO), truth.get(name, ZERO)
            if mine != theirs:
                text = f"the journal booked {mine} of {name}, the exchange executed {theirs}"
                yield Finding(invariant="I11", at=at, sentence=text)


class BoundsChecker:
    """What may not grow: orders in memory, and rows in an hour. The runner asks about tasks and queues."""

    hears: tuple[type, ...] = (Stepped, Committed)

    def __init__(self) -> None:
        self._rows: deque[tuple[int, int]] = deque()
        self._total = 0

    def look(self, happening: Happening) -> Iterator[Finding]:
        """Too many orders kept, too many rows written."""
        match happening:
            case Stepped():
                kept = len(happening.result.state.orders)
                if kept > MOST_ORDERS:
                    yield Finding(invariant="I25", at=happening.at, sentence=f"{kept} orders are kept in memory")
            case Committed():
                self._rows.append((happening.at, len(happening.rows)))
                self._total += len(happening.rows)
                while self._rows[0][0] < happening.at - HOUR_MS:
                    self._total -= self._rows.popleft()[1]
                if self._total > MOST_ROWS_AN_HOUR:
                    text = f"{self._total} rows were written within an hour"
                    yield Finding(invariant="I25", at=happening.at, sentence=text)
            case _:
                pass


def off_target(witness: Witness, hedge: Hedge, price: Decimal) -> Decimal:
    """How far the true delta is outside its band and a lot, in coins: 0 is hedged. `price` is the coin's index."""
    holding = witness.holding(hedge)
    delta, premium, slack = witness.options(hedge)
    upper, lower = edges_of(hedge.band, _size(hedge, holding, holding + delta), price)
    held = Held(holding, delta, premium, witness.profit(hedge))
    deviation = witness.delta(hedge) - wanted(hedge, held, price, witness.now)
    slack += max(witness.coins(id, witness.listing(id).lot_size) for id in hedge.instruments)
    return max(ZERO, deviation - upper - slack, -deviation - lower - slack)


def _size(hedge: Hedge, holding: Decimal, unhedged: Decimal) -> Decimal:
    """What widths are measured by: all that is at risk, or for a budget whichever is more."""
    return unhedged if hedge.band.rule is BandRule.RELATIVE else max(abs(holding), abs(unhedged))


def edges_of(band: Band, holding: Decimal, price: Decimal) -> tuple[Decimal, Decimal]:
    """The band's (upper, lower) width in coins, computed here and not by the engine."""
    if band.rule is BandRule.COINS:
        return band.upper, band.lower
    if band.rule is BandRule.QUOTE:
        return band.upper / price, band.lower / price
    if band.rule in OCCASIONAL:
        return band.upper, band.lower
    if band.rule in COMPUTED:
        widest = _widest(band, holding, price)
        return min(band.upper or widest, widest), min(band.lower or widest, widest)
    return max(band.upper * abs(holding), band.floor), max(band.lower * abs(holding), band.floor)


def _widest(band: Band, holding: Decimal, price: Decimal) -> Decimal:
    """The most that a computed band may come to: twice the width that its residual alone would allow."""
    sigma = band.inputs.sigma
    assert sigma, "a simulation checks a computed band by its stated volatility"
    residual = band.inputs.residual_quote or band.inputs.residual * abs(holding) * price
    return max(band.floor, 2 * Decimal(3).sqrt() * residual / (sigma * price))
