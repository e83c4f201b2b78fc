"""Positions on WEEX, leg by leg. Rows that do not concern us cannot spoil it; rows that do always can."""

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
from hedger.venues.link import Link
from hedger.venues.listing import Listed, Listing
from hedger.venues.weex.parse import mark_of_position, position_of, signed
from hedger.venues.weex.payloads import PositionRow, Row, Wallet
from hedger.venues.weex.sides import Leg
from hedger.venues.wire import reader

RELOAD_MS = 60_000
# What the wallet's profit and that of the rows may differ by, asked for moments apart: a part of the positions' value,
# and a little money.
_PART, _DUST = Decimal("0.02"), Decimal(1)
_read_row: Understand[PositionRow] = reader(PositionRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is set for a contract of ours."""

    leverage: Decimal
    margin_mode: MarginMode
    combined: bool


@dataclass(slots=True, kw_only=True)
class Held:
    """What one list of positions says: the legs that are held, by contract, and the contracts whose rows are odd."""

    rows: dict[str, list[PositionRow]] = field(default_factory=dict)
    odd: set[str] = field(default_factory=set)

    def of(self, raw: str) -> list[PositionRow]:
        """The legs of a contract."""
        return self.rows.get(raw, [])

    def leg(self, raw: str, leg: Leg) -> Decimal:
        """The quantity of one leg."""
        return sum((row.size for row in self.of(raw) if row.side == leg.value), ZERO)

    @property
    def is_one_way(self) -> bool:
        """Whether no contract is held long and short at once, nor in separate positions."""
        both = any({row.side for row in rows} == {"LONG", "SHORT"} for rows in self.rows.values())
        return not both and not any(row.separatedMode != "COMBINED" for rows in self.rows.values() for row in rows)

    @property
    def value(self) -> Decimal:
        """What all legs are worth in quote at their marks, without sign."""
        return sum((row.size * mark_of_position(row) for rows in self.rows.values() for row in rows), ZERO)


class PositionReader:
    """Makes positions of the venue's list. `load` reads what the venue lists now."""

    def __init__(self, link: Link, listing: Listing, load: Callable[[], Awaitable[Mapping[str, Listed]]]) -> None:
        self._link = link
        self._listing = listing
        self._load = load
        self._loaded_at = 0
        self._derivatives = dict(listing.derivatives)

    async def learn(self, rows: Iterable[Row]) -> None:
        """Where a list names a contract that we do not know, read the venue's listing again, once a minute."""
        now = self._link.clock.now_ms()
        if {row.symbol for row in rows} <= self._derivatives.keys() or now - self._loaded_at < RELOAD_MS:
            return
        self._loaded_at = now
        with suppress(AskAgain, GiveUp):  # Whoever needs what was not learned says so.
            self._derivatives |= await self._load()

    def understood(self, told: Iterable[Row]) -> Held:
        """The legs by contract; ValueError for an odd row that concerns us, and for a combined leg listed twice."""
        held, seen = Held(), set()
        for row in told:
            try:
                read = _read_row(row.model_dump())
                if read.size:
                    mark_of_position(read)
            except ValueError:
                if self._concerns_us(row.symbol):
                    raise ValueError(f"the venue's row of the position in {row.symbol} is not understood") from None
                held.odd.add(row.symbol)
                continue
            if not read.size:
                continue
            name = read.symbol, read.side
            if name in seen and read.separatedMode == "COMBINED" and self._concerns_us(read.symbol):
                raise ValueError(f"the position in {read.symbol} is listed twice")
            seen.add(name)
            held.rows.setdefault(read.symbol, []).append(read)
        return held

    def _concerns_us(self, raw: str) -> bool:
        """Whether a contract is, or may be, on a coin of ours."""
        return raw not in self._derivatives or self._derivatives[raw].underlying in self._listing.coins

    def positions(self, held: Held, settings: Mapping[str, Settings]) -> list[Position]:
        """A row for each contract of ours, zero where nothing is held, and for any other contract that is held."""
        ours = [self._listing.raw[id] for id in self._listing.contracts]
        found = []
        for raw in [*ours, *(raw for raw in held.rows if raw not in ours)]:
            if raw not in self._derivatives:
                raise ValueError(f"{raw}, of which there is a position, is not in the venue's listing")
            rows = held.of(raw)
            if not rows:
                found.append(self._flat(self._derivatives[raw], settings.get(raw)))
                continue
            largest = max(rows, key=lambda row: row.size)
            net = sum((signed(row) for row in rows), ZERO)
            found.append(position_of(largest, net, self._link.account, self._derivatives[raw]))
        return found

    def _flat(self, listed: Listed, settings: Settings | None) -> Position:
        """A flat position; of a contract that is gone the venue tells no settings, and none are needed."""
        return Position(
            id=InstrumentId(self._link.account, listed.symbol),
            underlying=listed.underlying,
            quantity=ZERO,
            contract_multiplier=listed.contract_multiplier,
            entry_price=ZERO,
            mark_price=ZERO,
            liquidation_price=None,
            leverage=settings.leverage if settings is not None else Decimal(1),
            margin_mode=settings.margin_mode if settings is not None else MarginMode.CROSS,
        )


def assert_explained(wallet: Wallet, held: Held) -> None:
    """ValueError where the wallet has a profit that the listed positions do not explain: one of them is missing."""
    if held.odd:
        return
    profit = sum((row.unrealizePnl for rows in held.rows.values() for row in rows), ZERO)
    allowed = _PART * held.value + (_DUST if held.rows else ZERO)
    if abs(wallet.unrealizePnl - profit) > allowed:
        raise ValueError(
            f"the wallet has an unrealised profit of {wallet.unrealizePnl} and the listed positions one of {profit}"
        )
