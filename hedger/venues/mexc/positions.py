"""Positions on MEXC. Rows that do not concern us cannot spoil a reading; rows that do always can."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from hedger.model.account import Position
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ONE, ZERO
from hedger.venues.asking import Understand
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.mexc.answers import Row
from hedger.venues.mexc.contracts import Contracts
from hedger.venues.mexc.listing import Known
from hedger.venues.mexc.parse import position_of, signed
from hedger.venues.mexc.payloads import PositionRow, Ticker
from hedger.venues.mexc.stance import Stance
from hedger.venues.wire import reader

_read_row: Understand[PositionRow] = reader(PositionRow)


@dataclass(slots=True, kw_only=True)
class Held:
    """What the list of positions says: the rows that hold something, and the contracts of others with odd rows."""

    rows: list[PositionRow] = field(default_factory=list)
    odd: set[str] = field(default_factory=set)

    def of(self, raw: str) -> list[PositionRow]:
        """The rows of a contract."""
        return [row for row in self.rows if row.symbol == raw]

    def net(self, raw: str) -> Decimal:
        """The net contracts, zero where there is no row."""
        return sum((signed(row) for row in self.of(raw)), ZERO)

    @property
    def both_ways(self) -> bool:
        """Whether a contract is held long and short at once, as one-way mode does not have it."""
        return any(len({row.positionType for row in self.of(row.symbol)}) > 1 for row in self.rows)


class PositionReader:
    """Makes positions of the venue's list."""

    def __init__(self, link: Link, listing: Listing, contracts: Contracts, stance: Stance) -> None:
        self._link = link
        self._listing = listing
        self._contracts = contracts
        self._stance = stance

    async def learn(self, raws: Iterable[str]) -> None:
        """Where the list names a contract that we do not know, read the venue's listing again."""
        await self._contracts.learn(raws)

    def understood(self, told: Iterable[Row]) -> Held:
        """The rows; ValueError for an odd one that concerns us, and for a position of ours that is told twice."""
        held, seen = Held(), set()
        for row in told:
            try:
                read = _read_row(row.model_dump())
            except ValueError:
                if self._concerns_us(row.symbol):
                    raise ValueError(f"the venue's row of the position in {row.symbol} is not understood") from None
                held.odd.add(row.symbol)
                continue
            if read.positionId in seen and self._concerns_us(row.symbol):
                raise ValueError(f"the position in {row.symbol} is listed twice")
            seen.add(read.positionId)
            if read.holdVol:
                held.rows.append(read)
        return held

    def _concerns_us(self, raw: str) -> bool:
        """Whether a contract is, or may be, on a coin of ours."""
        known = self._contracts.by_raw.get(raw)
        return known is None or known.underlying in self._listing.coins

    def known(self, raw: str) -> Known:
        """A contract that is held; ValueError where the listing does not have it."""
        if raw not in self._contracts.by_raw:
            raise ValueError(f"{raw}, of which there is a position, is not in the venue's listing")
        return self._contracts.by_raw[raw]

    def positions(self, held: Held, tickers: Mapping[str, Ticker]) -> tuple[Position, ...]:
        """A row for each configured contract, zero where nothing is held, and for any other that is held."""
        ours = [self._listing.raw[id] for id in self._listing.contracts]
        others = dict.fromkeys(row.symbol for row in held.rows if row.symbol not in ours)
        found = []
        for raw in [*ours, *others]:
            known, rows, ticker = self.known(raw), held.of(raw), tickers.get(raw)
            if not rows:
                found.append(self._flat(known, ticker))
                continue
            if ticker is None:
                raise ValueError(f"the position in {raw} has no mark price")
            largest = max(rows, key=lambda row: row.holdVol)
            found.append(position_of(largest, held.net(raw), self._link.account, known, ticker))
        return tuple(found)

    def _flat(self, known: Known, ticker: Ticker | None) -> Position:
        """A flat position: its margin mode is what our next order would say. One that is gone has no ticker."""
        return Position(
            id=InstrumentId(self._link.account, known.symbol),
            underlying=known.underlying,
            quantity=ZERO,
            contract_multiplier=known.multiplier,
            entry_price=ZERO,
            mark_price=ticker.fairPrice if ticker is not None else ZERO,
            liquidation_price=None,
            leverage=self._stance.leverage.get(known.raw, ONE),
            margin_mode=self._stance.wanted,
            payoff=known.payoff,
            index_price=ticker.indexPrice if ticker is not None else None,
        )
