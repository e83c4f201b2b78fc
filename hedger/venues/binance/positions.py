"""Positions on Binance, proven by two lists. Rows that do not concern us cannot spoil it; rows that do always can."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Set
from contextlib import suppress
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from hedger.errors import AskAgain, GiveUp
from hedger.model.account import Position
from hedger.model.numeric import ZERO
from hedger.venues.asking import Understand
from hedger.venues.binance.codes import FAPI
from hedger.venues.binance.names import api_of
from hedger.venues.binance.parse import bare_row, position_of
from hedger.venues.binance.payloads import FuturesPosition, PositionRisk, RiskRow, SymbolConfig
from hedger.venues.link import Link
from hedger.venues.listing import Listed, Listing
from hedger.venues.wire import reader

T = TypeVar("T")
RELOAD_MS = 60_000

_read_held: Understand[FuturesPosition] = reader(FuturesPosition)
_read_risk: Understand[PositionRisk] = reader(PositionRisk)
_read_config: Understand[SymbolConfig] = reader(SymbolConfig)


class Configs:
    """`GET /fapi/v1/symbolConfig`: leverage and margin mode of every symbol, read only where they are used."""

    def __init__(self, payload: Any) -> None:
        if not isinstance(payload, list) or not payload:
            raise ValueError("not a list of symbols")
        self._rows = [row for row in payload if isinstance(row, dict)]

    def names(self, raw: str) -> bool:
        """Whether the venue tells anything of a symbol."""
        return any(row.get("symbol") == raw for row in self._rows)

    def of(self, raw: str) -> SymbolConfig:
        """The settings of one symbol by the venue's name; ValueError where they are not told plainly."""
        rows = [row for row in self._rows if row.get("symbol") == raw]
        if len(rows) != 1:
            raise ValueError(f"the venue does not tell the leverage of {raw}")
        try:
            return _read_config(rows[0])
        except ValueError:
            raise ValueError(f"the venue's settings of {raw} are not understood") from None


class Account(Protocol):
    """An account's own list of positions, and the maintenance margin of all of them."""

    @property
    def totalMaintMargin(self) -> Decimal:
        """Above 0 where anything is held."""

    @property
    def positions(self) -> list[RiskRow]:
        """Its rows."""


class PositionReader:
    """Makes positions of the lists of one API. `load` reads what it lists now."""

    def __init__(
        self, link: Link, listing: Listing, load: Callable[[], Awaitable[Mapping[str, Listed]]], api: str = FAPI
    ) -> None:
        self._link = link
        self._listing = listing
        self._load = load
        self._derivatives = dict(listing.derivatives)
        self._configured = {listing.raw[id]: id for id in listing.contracts if api_of(id.symbol) == api}
        self._coins = listing.coins
        self._loaded_at = 0

    async def learn(self, futures: Account, risks: Iterable[RiskRow]) -> None:
        """Where a list names a contract that we do not know, read the venue's listing again, once a minute."""
        named = {row.symbol for row in risks} | {row.symbol for row in futures.positions}
        now = self._link.clock.now_ms()
        if named <= self._derivatives.keys() or now - self._loaded_at < RELOAD_MS:
            return
        self._loaded_at = now
        with suppress(AskAgain, GiveUp):  # Whoever needs what was not learned says so.
            self._derivatives |= await self._load()

    def positions(self, futures: Account, risks: Iterable[RiskRow], configs: Configs) -> tuple[Position, ...]:
        """A row for each configured contract and each open position, in hedge mode for each of its legs, when both
        lists agree on all that concerns us.

        Others trade between the two requests: of what does not concern us, the one list tells the quantity, and where
        its row is odd, the other.
        """
        rows, odd = self._understood(risks, _read_risk)
        by_risk, by_account = self._net(rows), self._net(self._understood(futures.positions, _read_held)[0])
        ours = {raw for raw in (by_risk | by_account) if self._concerns_us(raw)}
        differing = {raw for raw in ours if by_risk.get(raw, ZERO) != by_account.get(raw, ZERO)}
        if differing:
            raise ValueError(f"the venue's two lists of positions differ on {min(differing)}")
        if futures.totalMaintMargin > 0 and not any(by_risk.values()) and not odd:
            raise ValueError("maintenance margin is held for positions that no list shows")
        flat = {row.symbol: row for row in rows if row.symbol in self._configured}
        legs = {raw: [flat.get(raw, bare_row(raw))] for raw in self._configured}
        for raw in {row.symbol: None for row in rows if row.positionAmt}:
            legs[raw] = [row for row in rows if row.symbol == raw and row.positionAmt]
        legs |= {raw: [bare_row(raw, by_account[raw])] for raw in sorted(odd) if by_account.get(raw)}
        return tuple(self._position(row, configs) for rows in legs.values() for row in rows)

    def listed(self, raw: str) -> Listed | None:
        """What a contract is, None where the venue does not list it."""
        return self._derivatives.get(raw)

    def _understood(self, told: Iterable[RiskRow], read: Understand[T]) -> tuple[list[T], Set[str]]:
        """The rows that are understood, and the symbols that do not concern us and have one that is not."""
        rows: list[tuple[str, T]] = []
        odd: set[str] = set()
        for row in told:
            try:
                rows.append((row.symbol, read(row.model_dump())))
            except ValueError:
                if self._concerns_us(row.symbol):
                    raise ValueError(f"the venue's row of the position in {row.symbol} is not understood") from None
                odd.add(row.symbol)
        return [row for symbol, row in rows if symbol not in odd], odd

    def _net(self, rows: Iterable[FuturesPosition]) -> dict[str, Decimal]:
        """Each symbol's net quantity; two rows for one symbol and side of ours are no list of positions."""
        seen: set[tuple[str, str]] = set()
        net: dict[str, Decimal] = {}
        for row in rows:
            if (row.symbol, row.positionSide) in seen and self._concerns_us(row.symbol):
                raise ValueError(f"{row.symbol} is listed twice")
            seen.add((row.symbol, row.positionSide))
            net[row.symbol] = net.get(row.symbol, ZERO) + row.positionAmt
        return net

    def _concerns_us(self, raw: str) -> bool:
        """Whether a contract is, or may be, on a coin of ours."""
        return raw not in self._derivatives or self._derivatives[raw].underlying in self._coins

    def _position(self, row: PositionRisk, configs: Configs) -> Position:
        if row.symbol not in self._derivatives:
            raise ValueError(f"{row.symbol}, of which there is a position, is not in the venue's listing")
        return position_of(row, self._link.account, self._derivatives[row.symbol], self._config(row.symbol, configs))

    def _config(self, raw: str, configs: Configs) -> SymbolConfig:
        try:
            return configs.of(raw)
        except ValueError:
            if raw in self._configured and self._configured[raw] not in self._listing.gone:
                raise
        # The quantity of a position that is not ours counts; how it is financed is not ours to judge. Nor need the
        # venue tell it of a contract that does not trade any more.
        return SymbolConfig(symbol=raw, marginType="CROSSED", leverage=Decimal(1))
