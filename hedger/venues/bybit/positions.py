"""Positions on Bybit. A contract of ours is flat only where the list of open positions and its own row both say so.

Rows that do not concern us cannot spoil a reading; rows that do always can.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from hedger.errors import AskAgain, GiveUp
from hedger.model.account import MarginMode, Position
from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.numeric import ZERO
from hedger.venues.asking import Understand
from hedger.venues.bybit.parse import position_of, signed
from hedger.venues.bybit.payloads import PositionRow, Row
from hedger.venues.link import Link
from hedger.venues.listing import Listed, Listing
from hedger.venues.wire import reader

RELOAD_MS = 60_000
Held = Mapping[str, tuple[PositionRow, ...]]

_read_row: Understand[Row] = reader(Row)
_read_position: Understand[PositionRow] = reader(PositionRow)


class PositionReader:
    """Makes positions of the venue's lists. `load` reads what the venue lists now."""

    def __init__(self, link: Link, listing: Listing, load: Callable[[], Awaitable[Mapping[str, Listed]]]) -> None:
        self._link = link
        self._listing = listing
        self._load = load
        self._derivatives = dict(listing.derivatives)
        self._coins = listing.coins
        self._loaded_at = 0

    async def learn(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Where a list names a contract that we do not know, read the venue's listing again, once a minute."""
        named, now = {str(row.get("symbol")) for row in rows}, self._link.clock.now_ms()
        if named <= self._derivatives.keys() or now - self._loaded_at < RELOAD_MS:
            return
        self._loaded_at = now
        with suppress(AskAgain, GiveUp):  # Whoever needs what was not learned says so.
            self._derivatives |= await self._load()

    def held(self, rows: Iterable[Mapping[str, Any]]) -> Held:
        """The rows that are understood, by the venue's name; an odd one that may concern us is a ValueError."""
        found: dict[str, list[PositionRow]] = {}
        for told in rows:
            raw = _read_row(told).symbol
            try:
                row = _read_position(told)
                if signed(row) and row.unrealisedPnl is None:
                    raise ValueError(f"{raw} is held, and its profit is not told")
            except ValueError:
                if self._concerns_us(raw):
                    raise ValueError(f"the venue's row of the position in {raw} is not understood") from None
                continue
            if any(other.positionIdx == row.positionIdx for other in found.get(raw, [])):
                raise ValueError(f"{raw} is listed twice")
            found.setdefault(raw, []).append(row)
        return {raw: tuple(rows) for raw, rows in found.items()}

    def positions(
        self, held: Held, ours: Mapping[InstrumentId, Sequence[PositionRow]], margin_mode: MarginMode
    ) -> tuple[Position, ...]:
        """A row for each configured contract and each open position. `ours` has the rows of the configured contracts by
        name, without those that do not trade any more; ValueError where they and the lists differ."""
        rows = {self._listing.raw[id]: tuple(told) for id, told in ours.items()}
        for raw, told in rows.items():
            if _net(told) != _net(held.get(raw, ())):
                raise ValueError(f"the venue's list of positions and its row of {raw} differ")
        named = {self._listing.raw[id] for id in self._listing.contracts}
        bare = {raw: (_bare(raw),) for raw in named - rows.keys()}
        others = {raw: told for raw, told in held.items() if _net(told) and raw not in rows}
        return tuple(self._position(raw, told, margin_mode) for raw, told in {**rows, **bare, **others}.items())

    def unrealized(self, held: Held) -> dict[str, Decimal]:
        """The unrealised profit of the positions by the asset that they settle in, zeros included."""
        found = {rules.settle: ZERO for rules in self._listing.instruments.values() if ":" in rules.id.symbol}
        for raw, rows in held.items():
            if raw in self._derivatives:
                asset = settle_of(self._derivatives[raw])
                found[asset] = found.get(asset, ZERO) + sum((row.unrealisedPnl or ZERO for row in rows), ZERO)
        return found

    def check_margin(
        self, rows: Iterable[Mapping[str, Any]], margins: Mapping[str, Decimal], also: Iterable[str]
    ) -> None:
        """ValueError where the wallet holds maintenance margin in an asset, and no list shows a position for it, odd
        ones included. `also` are assets in which something else is held, such as options."""
        names = {str(row.get("symbol")) for row in rows}
        settled = {settle_of(self._derivatives[raw]) for raw in names & self._derivatives.keys()} | set(also)
        for asset, margin in margins.items():
            if margin > 0 and asset not in settled and names <= self._derivatives.keys():
                raise ValueError(f"maintenance margin is held in {asset} for positions that no list shows")

    def _concerns_us(self, raw: str) -> bool:
        """Whether a contract is, or may be, on a coin of ours."""
        return raw not in self._derivatives or self._derivatives[raw].underlying in self._coins

    def _position(self, raw: str, rows: Sequence[PositionRow], margin_mode: MarginMode) -> Position:
        if raw not in self._derivatives:
            raise ValueError(f"{raw}, of which there is a position, is not in the venue's listing")
        listed, quantity = self._derivatives[raw], _net(rows)
        largest = max(rows, key=lambda row: row.size)
        if (quantity or listed.payoff is Payoff.INVERSE) and largest.markPrice <= 0 and self._is_traded(raw):
            raise ValueError(f"the venue tells no mark price of {raw}")
        return position_of(largest, quantity, self._link.account, listed, margin_mode)

    def _is_traded(self, raw: str) -> bool:
        id = self._listing.contract(raw)
        return id is not None and id not in self._listing.gone


def settle_of(listed: Listed) -> str:
    """The asset that a contract settles in, of its symbol `BTC/USDT:USDT-260626`."""
    return listed.symbol.partition(":")[2].partition("-")[0]


def _net(rows: Iterable[PositionRow]) -> Decimal:
    return sum((signed(row) for row in rows), ZERO)


def _bare(raw: str) -> PositionRow:
    """A row of a contract that does not trade any more and of which nothing is held."""
    return PositionRow(symbol=raw, positionIdx=0, side="", size=ZERO)
