"""The contracts and options that OKX lists, by its names; read anew when a position names one that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from typing import Any, NamedTuple

from hedger.errors import AskAgain, GiveUp
from hedger.model.instrument import Payoff
from hedger.model.option import OptionType
from hedger.venues.asking import together
from hedger.venues.link import Link
from hedger.venues.okx.codes import REST
from hedger.venues.okx.listing import Contract, contracts_of, read_instrument
from hedger.venues.okx.payloads import HeldRow, InstrumentRow, rows_of

AGAIN_MS = 60_000
OPTION = "OPTION"
_NAMELESS = ""
_TYPES = {"C": OptionType.CALL, "P": OptionType.PUT}


class OptionTerms(NamedTuple):
    """What an option is: `multiplier` coins a contract, strike in quote per coin."""

    symbol: str
    underlying: str
    option_type: OptionType
    strike: Decimal
    expiry_at: int
    payoff: Payoff
    settle: str
    multiplier: Decimal


class Contracts:
    """What is known of the venue's listing."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.by_raw: dict[str, Contract] = {}
        self.rows: dict[str, InstrumentRow] = {}
        self.options: dict[str, OptionTerms] = {}
        self._unread: frozenset[str] = frozenset()
        self._read_at: dict[str, int] = {}

    async def load(self) -> dict[str, InstrumentRow]:
        """Read every swap and dated future; the rows of those listed now, by our symbol."""
        swaps, futures = await together(self._rows({"instType": "SWAP"}), self._rows({"instType": "FUTURES"}))
        if not swaps:
            raise AskAgain("okx: the listing of swaps is empty.")
        found = contracts_of(swaps + futures)
        # What was listed once keeps its terms: a position may outlive its listing by a moment. And no name comes
        # to mean another contract than it did.
        known = self.by_raw
        told = {raw: contract for raw, (contract, _) in found.items()}
        self.by_raw |= {raw: c for raw, c in told.items() if raw not in known or known[raw].symbol == c.symbol}
        self.rows = {raw: row for raw, (_, row) in found.items()}
        self._unread = frozenset(_named(row) for row in swaps + futures) - found.keys()
        return {contract.symbol: row for contract, row in found.values()}

    def is_unread(self, raw: str) -> bool:
        """Whether the last listing had a row of this name that is not understood, or one without a name."""
        return raw in self._unread or _NAMELESS in self._unread

    def remember_ended(self, symbol: str, name: str) -> None:
        """Know a dated contract that is listed no more by the size of those that are on the same pair [V: they have
        the same]; its fills and orders are still asked about. ValueError where there is none."""
        pair, _, settle = symbol.partition("-")[0].partition(":")
        same = (c for c in self.by_raw.values() if c.symbol.partition("-")[0] == f"{pair}:{settle}")
        sibling = next(iter(sorted(same, key=lambda contract: contract.type)), None)
        if sibling is None:
            raise ValueError(f"nothing like {symbol} is listed")
        self.by_raw.setdefault(name, sibling._replace(raw=name, type="FUTURES", symbol=symbol))

    async def learn(self, held: Iterable[HeldRow]) -> None:
        """Where a position is in what we do not know, read its listing, each at most once a minute."""
        wanted = {_listing_of(row) for row in held if row.instId not in self.by_raw and row.instId not in self.options}
        for family in sorted(wanted - {None}, key=str):
            now = self._link.clock.now_ms()
            if family is None or now - self._read_at.get(family, 0) < AGAIN_MS:
                continue
            self._read_at[family] = now
            with suppress(AskAgain, GiveUp):  # Whoever needs what was not learned says so.
                await (self.load() if not family else self._load_options(family))

    async def _load_options(self, family: str) -> None:
        for row in await self._rows({"instType": OPTION, "instFamily": family}):
            with suppress(ValueError):
                told = read_instrument(row)
                self.options[told.instId] = _terms(told)

    async def _rows(self, params: dict[str, str]) -> list[Any]:
        method = self._link.client.public_get_public_instruments
        return await self._link.asker.need("listing", lambda: method(params), rows_of, host=self._link.hosts[REST])


def _named(row: Any) -> str:
    """The name of a row that may be of any form."""
    name = row.get("instId") if isinstance(row, dict) else None
    return name if isinstance(name, str) else _NAMELESS


def base_of(raw: str) -> str:
    """The coin of any of the venue's names: it stands first."""
    return raw.partition("-")[0]


def family_of(raw: str) -> str:
    """The family of an option: `BTC-USD` of `BTC-USD-241217-92000-C`."""
    return "-".join(raw.split("-")[:2])


def _listing_of(row: HeldRow) -> str | None:
    """Which listing would know it: a family of options, "" that of contracts; None for what we do not read."""
    if row.instType == OPTION:
        return family_of(row.instId)
    return "" if row.instType in ("SWAP", "FUTURES") else None


def _terms(row: InstrumentRow) -> OptionTerms:
    base, _, quote = row.uly.partition("-")
    if row.optType not in _TYPES or row.stk is None or not row.expTime.isdecimal() or row.ctVal is None:
        raise ValueError(f"{row.instId} is no option that we understand")
    if row.ctMult is None or row.ctValCcy != base or row.settleCcy not in (base, quote):
        raise ValueError(f"{row.instId} is counted in {row.ctValCcy}")
    day = row.instId.split("-")[2]
    return OptionTerms(
        symbol=f"{base}/{quote}:{row.settleCcy}-{day}-{format(row.stk.normalize(), 'f')}-{row.optType}",
        underlying=base,
        option_type=_TYPES[row.optType],
        strike=row.stk,
        expiry_at=int(row.expTime),
        payoff=Payoff.INVERSE if row.settleCcy == base else Payoff.LINEAR,
        settle=row.settleCcy,
        multiplier=row.ctVal * row.ctMult,
    )
