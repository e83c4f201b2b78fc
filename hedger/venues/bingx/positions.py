"""Positions on BingX, of either book. Rows that do not concern us cannot spoil it; rows that do always can."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

from hedger.errors import AskAgain, GiveUp
from hedger.model.account import MarginMode, Position
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ZERO
from hedger.venues.asking import Understand
from hedger.venues.bingx.parse import position_of, signed
from hedger.venues.bingx.payloads import PositionRow, Row
from hedger.venues.link import Link
from hedger.venues.listing import Listed, Listing
from hedger.venues.wire import reader

RELOAD_MS = 60_000
_read_row: Understand[PositionRow] = reader(PositionRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is set for a contract of ours of which nothing is held, and the mark of one that settles in its coin."""

    leverage: Decimal
    margin_mode: MarginMode
    mark_price: Decimal = ZERO


@dataclass(slots=True, kw_only=True)
class Held:
    """What one list of positions says: the rows by contract, and the contracts of others whose rows are odd."""

    rows: dict[str, list[PositionRow]] = field(default_factory=dict)
    odd: set[str] = field(default_factory=set)

    def quantity(self, raw: str) -> Decimal:
        """The net quantity of a contract, zero where there is no row."""
        return sum((signed(row) for row in self.rows.get(raw, ())), ZERO)

    def has(self, raw: str) -> bool:
        """Whether a row holds anything, on either side."""
        return any(row.positionAmt for row in self.rows.get(raw, ()))

    @property
    def both_ways(self) -> bool:
        """Whether a contract is held long and short at once, as one-way mode does not have it."""
        sides = [{row.positionSide for row in rows if row.positionAmt} for rows in self.rows.values()]
        return any({"LONG", "SHORT"} <= held for held in sides)


class PositionReader:
    """Makes positions of the venue's lists. `load` reads what the venue lists now."""

    def __init__(self, link: Link, listing: Listing, load: Callable[[], Awaitable[Mapping[str, Listed]]]) -> None:
        self._link = link
        self._listing = listing
        self._load = load
        self._coins = listing.coins
        self._loaded_at = 0
        self.derivatives = dict(listing.derivatives)

    async def learn(self, rows: Iterable[Row]) -> None:
        """Where a list names a contract that we do not know, read the venue's listing again, once a minute."""
        now = self._link.clock.now_ms()
        if {row.symbol for row in rows} <= self.derivatives.keys() or now - self._loaded_at < RELOAD_MS:
            return
        self._loaded_at = now
        with suppress(AskAgain, GiveUp):  # Whoever needs what was not learned says so.
            self.derivatives |= await self._load()

    def understood(self, told: Iterable[Row]) -> Held:
        """The rows by contract; ValueError for an odd one that concerns us, and for two of one side of ours."""
        held, seen = Held(), set()
        for row in told:
            try:
                read = _read_row(row.model_dump())
                signed(read)
            except ValueError:
                if self._concerns_us(row.symbol):
                    raise ValueError(f"the venue's row of the position in {row.symbol} is not understood") from None
                held.odd.add(row.symbol)
                continue
            if (row.symbol, read.positionSide) in seen and self._concerns_us(row.symbol):
                raise ValueError(f"the position in {row.symbol} is listed twice")
            seen.add((row.symbol, read.positionSide))
            sides = {read.positionSide, *(other.positionSide for other in held.rows.get(row.symbol, ()))}
            if "BOTH" in sides and len(sides) > 1 and self._concerns_us(row.symbol):
                raise ValueError(f"the position in {row.symbol} is listed by side and as a whole")
            held.rows.setdefault(row.symbol, []).append(read)
        return held

    def _concerns_us(self, raw: str) -> bool:
        """Whether a contract is, or may be, on a coin of ours."""
        return raw not in self.derivatives or self.derivatives[raw].underlying in self._coins

    def positions(self, held: Held, settings: Mapping[str, Settings], ours: Iterable[InstrumentId]) -> list[Position]:
        """A row for each of `ours`, zero where nothing is held, and for any other contract that is held."""
        raws = [self._listing.raw[id] for id in ours]
        others = [raw for raw in held.rows if raw not in raws and held.has(raw)]
        found = []
        for raw in [*raws, *others]:
            if raw not in self.derivatives:
                raise ValueError(f"{raw}, of which there is a position, is not in the venue's listing")
            listed, rows = self.derivatives[raw], held.rows.get(raw, [])
            largest = max(rows, key=lambda row: abs(row.positionAmt), default=None)
            if largest is None or (raw in settings and not held.has(raw)):
                found.append(self._flat(listed, settings.get(raw)))
            else:
                found.append(position_of(largest, held.quantity(raw), self._link.account, listed))
        return found

    def _flat(self, listed: Listed, settings: Settings | None) -> Position:
        """A flat position; of a contract that is gone the venue tells no settings, and none are needed."""
        return Position(
            id=InstrumentId(self._link.account, listed.symbol),
            underlying=listed.underlying,
            quantity=ZERO,
            contract_multiplier=listed.contract_multiplier,
            entry_price=ZERO,
            mark_price=settings.mark_price if settings is not None else ZERO,
            liquidation_price=None,
            leverage=settings.leverage if settings is not None else Decimal(1),
            margin_mode=settings.margin_mode if settings is not None else MarginMode.CROSS,
            payoff=listed.payoff,
        )
