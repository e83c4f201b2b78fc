"""Positions on OKX, proven by two lists: flat is what neither shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hedger.model.account import MarginMode, Position
from hedger.model.instrument import InstrumentId
from hedger.model.numeric import ONE, ZERO
from hedger.venues.asking import Understand
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.okx.contracts import OPTION, Contracts, base_of
from hedger.venues.okx.listing import Contract
from hedger.venues.okx.marks import MarkBook
from hedger.venues.okx.payloads import AccountBalance, HeldRow, LeverageRow, NamedRow, PositionRow
from hedger.venues.okx.setup import Wanted
from hedger.venues.wire import reader

_read_position: Understand[PositionRow] = reader(PositionRow)
_read_held: Understand[HeldRow] = reader(HeldRow)
_SIGNS = {"net": ONE, "long": ONE, "short": -ONE}
_CONTRACTS = frozenset({"SWAP", "FUTURES"})


@dataclass(frozen=True, slots=True)
class Held:
    """What the two lists agree on: the rows of contracts, and those of options, that are or may be on our coins."""

    contracts: tuple[PositionRow, ...]
    options: tuple[PositionRow, ...]


class PositionReader:
    """Makes positions of the venue's lists. A row concerns us by the coin that its name begins with."""

    def __init__(self, link: Link, listing: Listing, contracts: Contracts, marks: MarkBook, wanted: Wanted) -> None:
        self._link = link
        self._listing = listing
        self._contracts = contracts
        self._marks = marks
        self._wanted = wanted

    def agreed(self, told: Iterable[NamedRow], proof: Iterable[NamedRow], balance: AccountBalance) -> Held:
        """The positions on our coins, where both lists have the same; ValueError where they differ."""
        rows = self._understood(told, _read_position)
        by_list, by_risk = _net(rows), _net(self._understood(proof, _read_held))
        differing = {key for key in by_list.keys() | by_risk.keys() if by_list.get(key) != by_risk.get(key)}
        if differing:
            raise ValueError(f"the venue's two lists of positions differ on {min(differing)[0]}")
        counted = (balance.notionalUsdForSwap or ZERO) + (balance.notionalUsdForFutures or ZERO)
        if counted > 0 and not any(_shows(row) for row in told):
            raise ValueError("the account counts contracts that no list shows")
        kinds = {row.instType for row in rows} - _CONTRACTS - {OPTION}
        if kinds:
            raise ValueError(f"a position of kind {min(kinds)} is on a coin of ours, and we cannot count it")
        return Held(
            contracts=tuple(row for row in rows if row.instType in _CONTRACTS),
            options=tuple(row for row in rows if row.instType == OPTION),
        )

    def _understood(self, told: Iterable[NamedRow], read: Understand[Any]) -> list[Any]:
        """The rows on our coins that hold something; ValueError for one that is not understood."""
        rows = []
        for row in told:
            if base_of(row.instId) not in self._listing.coins:
                continue
            try:
                found = read(row.model_dump())
            except ValueError:
                raise ValueError(f"the venue's row of the position in {row.instId} is not understood") from None
            if found.pos:
                rows.append(found)
        return rows

    def positions(self, held: Held, leverages: Sequence[LeverageRow]) -> tuple[Position, ...]:
        """A row for each configured contract, an explicit zero where it is flat, and for each that is held."""
        by_name: dict[str, list[PositionRow]] = {self._listing.raw[id]: [] for id in self._listing.contracts}
        for row in held.contracts:
            by_name.setdefault(row.instId, []).append(row)
        told = {row.instId: row.lever for row in leverages}
        return tuple(self._position(name, rows, told) for name, rows in by_name.items())

    def unrealized(self, held: Held) -> dict[str, Decimal]:
        """The unrealised profit of contracts by what they settle in, zero where nothing of ours is held."""
        found = {self._listing.instruments[id].settle: ZERO for id in self._listing.contracts}
        for row in held.contracts:
            settle = self._contract(row.instId).settle
            if row.upl is None:
                raise ValueError(f"the venue does not tell the profit of the position in {row.instId}")
            found[settle] = found.get(settle, ZERO) + row.upl
        return found

    def _position(self, name: str, rows: Sequence[PositionRow], leverages: Mapping[str, Decimal]) -> Position:
        """One net position. Two sides of a two-way account, or two margin modes, are told as the larger of them."""
        contract, id = self._contract(name), self._id(name)
        if not rows:
            return self._flat(contract, id, leverages)
        main = max(rows, key=lambda row: abs(row.pos))
        if main.markPx is None or main.markPx <= 0:
            raise ValueError(f"the venue does not tell the mark of the position in {name}")
        return Position(
            id=id,
            underlying=contract.underlying,
            quantity=contract.units(sum((_signed(row) for row in rows), ZERO)),
            contract_multiplier=contract.multiplier,
            entry_price=main.avgPx or ZERO,
            mark_price=main.markPx,
            liquidation_price=main.liqPx if main.liqPx and main.liqPx > 0 else None,
            leverage=main.lever or self._leverage(contract, leverages),
            margin_mode=MarginMode(main.mgnMode),
            payoff=contract.payoff,
            expiry_at=contract.expiry_at,
            index_price=main.idxPx if main.idxPx else None,
        )

    def _flat(self, contract: Contract, id: InstrumentId, leverages: Mapping[str, Decimal]) -> Position:
        heard = self._marks.marks.get(contract.raw)
        return Position(
            id=id,
            underlying=contract.underlying,
            quantity=ZERO,
            contract_multiplier=contract.multiplier,
            entry_price=ZERO,
            mark_price=heard.markPx if heard is not None else ZERO,
            liquidation_price=None,
            leverage=self._leverage(contract, leverages),
            margin_mode=self._wanted.margin_mode,
            payoff=contract.payoff,
            expiry_at=contract.expiry_at,
        )

    def _leverage(self, contract: Contract, leverages: Mapping[str, Decimal]) -> Decimal:
        """How it is financed; of what is not ours to trade, or trades no more, nobody asks."""
        id = self._listing.contract(contract.raw)
        if contract.raw in leverages or id is None or id in self._listing.gone:
            return leverages.get(contract.raw, ONE)
        raise ValueError(f"the venue does not tell the leverage of {contract.raw}")

    def _contract(self, name: str) -> Contract:
        if name not in self._contracts.by_raw:
            raise ValueError(f"{name}, of which there is a position, is not in the venue's listing")
        return self._contracts.by_raw[name]

    def _id(self, name: str) -> InstrumentId:
        return self._listing.contract(name) or InstrumentId(self._link.account, self._contract(name).symbol)


def _signed(row: HeldRow) -> Decimal:
    """Contracts with their sign: that of `pos` in the net, that of the side in a two-way account."""
    if row.posSide != "net" and row.pos < 0:
        raise ValueError(f"the {row.posSide} side of {row.instId} is below zero")
    return _SIGNS[row.posSide] * row.pos


def _net(rows: Iterable[HeldRow]) -> dict[tuple[str, str, str], Decimal]:
    """Each position by name, margin mode and side; one that is listed twice is no list of positions."""
    found: dict[tuple[str, str, str], Decimal] = {}
    for row in rows:
        key = (row.instId, row.mgnMode, row.posSide)
        if key in found:
            raise ValueError(f"{row.instId} is listed twice")
        found[key] = _signed(row)
    return found


def _shows(row: NamedRow) -> bool:
    """Whether a row, read or not, is a position in a contract."""
    told = row.model_dump()
    return told.get("instType") in _CONTRACTS and told.get("pos") not in ("0", "")
