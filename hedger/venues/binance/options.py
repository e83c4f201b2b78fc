"""Option positions on Binance: what is held, with its terms, and the venue's marks, volatility and greeks.

They settle in USDT and have a wallet of their own, which is not counted: what it holds is neither collateral of the
contracts that hedge, nor do they defend it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from datetime import UTC, datetime
from decimal import Decimal
from math import exp
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.numeric import ZERO
from hedger.model.option import OptionPosition, OptionType, VenueGreeks
from hedger.model.spans import YEAR_MS
from hedger.venues.asking import Understand, together
from hedger.venues.binance.codes import EAPI
from hedger.venues.binance.listing import SETTLEMENT_MS
from hedger.venues.binance.payloads import RiskRow
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.wire import Moment, Name, NotNegative, Number, Payload, Positive, reader

# Of 400 weights a minute, positions and an index every two seconds use 180; marks weigh 5.
MARKS_MS = 15_000
# A forward further from the index than this is no forward.
MOST_APART = Decimal("0.5")
_NAME = re.compile(r"([A-Z0-9]+)-[0-9]{6}-[0-9.]+-[CP]", re.ASCII)
_TYPES = {"CALL": OptionType.CALL, "PUT": OptionType.PUT}
_LETTERS = {"CALL": "C", "PUT": "P"}


class OptionRow(Payload):
    """One row of `GET /eapi/v1/position`: the quantity has its sign, and must agree with the side."""

    symbol: Annotated[str, Field(strict=True, pattern=_NAME)]
    side: Literal["LONG", "SHORT"]
    quantity: Number
    strikePrice: Positive
    expiryDate: Moment
    optionSide: Literal["CALL", "PUT"]
    quoteAsset: Name

    @property
    def coin(self) -> str:
        """The coin that it is on."""
        return self.symbol.partition("-")[0]

    @property
    def is_sound(self) -> bool:
        """Whether its name, its terms and its side say the same."""
        _, day, strike, letter = self.symbol.split("-")
        if Decimal(strike) != self.strikePrice or letter != _LETTERS[self.optionSide]:
            return False
        if datetime.fromtimestamp(self.expiryDate / 1000, UTC).strftime("%y%m%d") != day:
            return False
        return self.quantity >= 0 if self.side == "LONG" else self.quantity <= 0


class OptionTerms(Payload):
    """One row of `optionSymbols` of `GET /eapi/v1/exchangeInfo`: `unit` is how many coins one contract is."""

    symbol: Name
    underlying: Name
    unit: Positive


class OptionMark(Payload):
    """One row of `GET /eapi/v1/mark`; volatility is a fraction a year."""

    symbol: Name
    markPrice: NotNegative
    markIV: Number | None = None
    delta: Number | None = None
    gamma: Number | None = None
    riskFreeInterest: Number = ZERO


class OptionIndex(Payload):
    """`GET /eapi/v1/index`."""

    indexPrice: Positive
    time: Moment


class OptionAsset(Payload):
    """One asset of the options wallet."""

    asset: Name
    maintMargin: NotNegative
    unrealizedPNL: Number


class OptionWallet(Payload):
    """`GET /eapi/v1/marginAccount`."""

    asset: list[OptionAsset]


class _Listing(Payload):
    """`GET /eapi/v1/exchangeInfo`."""

    optionSymbols: Annotated[list[RiskRow], Field(min_length=1)]


_read_rows: Understand[list[RiskRow]] = reader(list[RiskRow])
_read_row: Understand[OptionRow] = reader(OptionRow)
_read_listing: Understand[_Listing] = reader(_Listing)
_read_terms: Understand[OptionTerms] = reader(OptionTerms)
_read_mark: Understand[OptionMark] = reader(OptionMark)
_read_index: Understand[OptionIndex] = reader(OptionIndex)
_read_wallet: Understand[OptionWallet] = reader(OptionWallet)


class _Marks(NamedTuple):
    """What was read of marks `at` a moment: rows by option, the index prices by pair that were known then, and the
    options for which they were read, whether they have a mark or not."""

    rows: Mapping[str, RiskRow]
    prices: Mapping[str, Decimal]
    at: int
    wanted: Set[str] = frozenset()


class OptionReader:
    """Reads the options that are held on coins of ours. Terms do not change: they are asked for once."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._coins = listing.coins
        self._terms: dict[str, OptionTerms] = {}
        self._marks = _Marks({}, {}, 0)
        self._held = True  # whether the last list had any: nobody knows before the first
        self._proven_at = 0

    async def read(self) -> tuple[OptionPosition, ...]:
        """The option positions; ValueError for one on a coin of ours that is not understood, and for none where the
        options wallet says that there are some.

        Positions and index are of now, marks may be `MARKS_MS` older: the venue allows little weight here.
        """
        told = await self._need("option positions", self._link.client.eapiprivate_get_position, {}, _read_rows)
        if not told:
            await self._prove_none()
        rows, self._held = self._ours(told), bool(told)
        if not rows:
            return ()
        pairs = sorted({row.coin + row.quoteAsset for row in rows})
        await self._learn(rows)
        found = await together(*(self._index(pair) for pair in pairs))
        indexes = dict(zip(pairs, found, strict=True))
        await self._refresh_marks(rows, indexes)
        return tuple(self._position(row, indexes[row.coin + row.quoteAsset]) for row in rows)

    async def _prove_none(self) -> None:
        """Ask the options wallet where the list has lost what it had, and otherwise now and then."""
        now = self._link.clock.now_ms()
        if not self._held and now - self._proven_at < MARKS_MS:
            return
        method = self._link.client.eapiprivate_get_marginaccount
        wallet: OptionWallet = await self._need("options wallet", method, {}, _read_wallet)
        if any(row.maintMargin or row.unrealizedPNL for row in wallet.asset):
            raise ValueError("the options wallet has margin or profit of positions that no list shows")
        self._proven_at = now

    async def _refresh_marks(self, rows: Sequence[OptionRow], indexes: Mapping[str, OptionIndex]) -> None:
        now, known = self._link.clock.now_ms(), self._marks
        wanted = frozenset(row.symbol for row in rows)
        if now - known.at < MARKS_MS and wanted <= known.wanted | known.rows.keys():
            return
        marks = await self._need("option marks", self._link.client.eapipublic_get_mark, {}, _read_rows)
        prices = {pair: index.indexPrice for pair, index in indexes.items()}
        self._marks = _Marks({row.symbol: row for row in marks}, prices, now, wanted)

    def _ours(self, told: Sequence[RiskRow]) -> list[OptionRow]:
        rows: dict[str, OptionRow] = {}
        for row in told:
            named = _NAME.fullmatch(row.symbol)
            if named is not None and named[1] not in self._coins:
                continue
            try:
                found = _read_row(row.model_dump())
            except ValueError:
                found = None
            if found is None or not found.is_sound or found.symbol in rows:
                raise ValueError(f"the venue's row of the position in {row.symbol} is not understood")
            rows[found.symbol] = found
        return [row for row in rows.values() if row.quantity]

    async def _learn(self, rows: Sequence[OptionRow]) -> None:
        if all(row.symbol in self._terms for row in rows):
            return
        method = self._link.client.eapipublic_get_exchangeinfo
        listing: _Listing = await self._need("option listing", method, {}, _read_listing)
        wanted = {row.symbol for row in rows}
        found = (_read_terms(row.model_dump()) for row in listing.optionSymbols if row.symbol in wanted)
        self._terms |= {terms.symbol: terms for terms in found}

    async def _index(self, pair: str) -> OptionIndex:
        method = self._link.client.eapipublic_get_index
        found: OptionIndex = await self._need("option index", method, {"underlying": pair}, _read_index)
        return found

    async def _need(self, what: str, method: Any, params: dict[str, Any], understand: Understand[Any]) -> Any:
        return await self._link.asker.need(what, lambda: method(params), understand, host=self._link.hosts[EAPI])

    def _position(self, row: OptionRow, index: OptionIndex) -> OptionPosition:
        terms = self._terms.get(row.symbol)
        if terms is None or terms.underlying != row.coin + row.quoteAsset:
            raise ValueError(f"{row.symbol}, of which there is a position, is not in the venue's listing")
        mark = _mark_of(self._marks.rows, row.symbol)
        _, day, _, letter = row.symbol.split("-")
        strike = f"{row.strikePrice.normalize():f}"
        money = row.quoteAsset
        return OptionPosition(
            id=InstrumentId(self._link.account, f"{row.coin}/{money}:{money}-{day}-{strike}-{letter}"),
            underlying=row.coin,
            option_type=_TYPES[row.optionSide],
            strike=row.strikePrice,
            expiry_at=row.expiryDate,
            settlement_ms=SETTLEMENT_MS,
            payoff=Payoff.LINEAR,
            settle=money,
            quantity=row.quantity,
            contract_multiplier=terms.unit,
            mark_price=None if mark is None else mark.markPrice,
            mark_sigma=None if mark is None or not mark.markIV or mark.markIV < 0 else mark.markIV,
            forward_price=_forward(row, self._marks, index),
            index_price=index.indexPrice,
            greeks=_greeks(mark),
        )


def _mark_of(marks: Mapping[str, RiskRow], symbol: str) -> OptionMark | None:
    """The venue's mark, None where it has none or tells one that is not understood."""
    try:
        return _read_mark(marks[symbol].model_dump()) if symbol in marks else None
    except ValueError:
        return None


def _forward(row: OptionRow, marks: _Marks, index: OptionIndex) -> Decimal | None:
    """The forward of the venue's own marks: a call less a put of one strike is the forward less the strike, discounted.
    What it was over the index when the marks were read, it is taken to be now.

    The venue does not tell it itself. None where one of the two has no mark.
    """
    stem = row.symbol.removesuffix(f"-{_LETTERS[row.optionSide]}")
    call, put = (_mark_of(marks.rows, f"{stem}-{letter}") for letter in ("C", "P"))
    price = marks.prices.get(row.coin + row.quoteAsset)
    if call is None or put is None or price is None:
        return None
    years = max(row.expiryDate - index.time, 0) / YEAR_MS
    growth = Decimal(repr(exp(float(call.riskFreeInterest) * years)))
    forward = row.strikePrice + (call.markPrice - put.markPrice) * growth
    return index.indexPrice * forward / price if abs(forward / price - 1) <= MOST_APART else None


def _greeks(mark: OptionMark | None) -> VenueGreeks | None:
    """Delta and gamma of one coin. In what units vega and theta are the venue does not say [V]: they are left out."""
    if mark is None or mark.delta is None:
        return None
    return VenueGreeks(delta=float(mark.delta), gamma=None if mark.gamma is None else float(mark.gamma))
