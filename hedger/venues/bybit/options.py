"""Option positions on Bybit: what is held, with its terms of the listing, and the venue's marks and greeks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from hedger.model.instrument import InstrumentId, Payoff
from hedger.model.numeric import ONE
from hedger.model.option import OptionPosition, OptionType, VenueGreeks
from hedger.venues.asking import Understand, together
from hedger.venues.bybit.asked import host_of, rows_of
from hedger.venues.bybit.listing import SETTLEMENT_MS
from hedger.venues.bybit.names import Category, unified
from hedger.venues.bybit.parse import signed
from hedger.venues.bybit.payloads import OptionTicker, PositionRow, Row
from hedger.venues.lanes import Lane
from hedger.venues.link import Link
from hedger.venues.listing import Listing
from hedger.venues.wire import Name, Payload, TextMoment, reader

_TYPES = {"Call": OptionType.CALL, "Put": OptionType.PUT}


class _Terms(Payload):
    """A row of the options' listing. The strike stands in the name alone: `BTC-26JUN26-80000-C`."""

    symbol: Annotated[str, Field(strict=True, pattern=r"^[A-Z0-9]+-[0-9]{1,2}[A-Z]{3}[0-9]{2}-[0-9.]+-[CP](-[A-Z]+)?$")]
    baseCoin: Name
    quoteCoin: Name
    settleCoin: Name
    optionsType: Literal["Call", "Put"]
    deliveryTime: TextMoment

    @property
    def strike(self) -> Decimal:
        """The strike, in quote per coin."""
        return Decimal(self.symbol.split("-")[2])


_read_row: Understand[Row] = reader(Row)
_read_position: Understand[PositionRow] = reader(PositionRow)
_read_terms: Understand[_Terms] = reader(_Terms)
_read_ticker: Understand[OptionTicker] = reader(OptionTicker)


class OptionReader:
    """Reads the options that are held on coins of ours. Terms do not change: they are asked for once."""

    def __init__(self, link: Link, listing: Listing) -> None:
        self._link = link
        self._coins = listing.coins
        self._terms: dict[str, _Terms] = {}

    async def read(self, rows: Iterable[Mapping[str, Any]]) -> tuple[OptionPosition, ...]:
        """The option positions of a list; ValueError for a row on a coin of ours that is not understood."""
        held: dict[str, PositionRow] = {}
        for told in rows:
            raw = _read_row(told).symbol
            if raw.partition("-")[0] not in self._coins:
                continue
            if raw in held:
                raise ValueError(f"{raw} is listed twice")
            held[raw] = _read_position(told)
        open_rows = [row for row in held.values() if row.size]
        return tuple(await together(*(self._position(row) for row in open_rows)))

    async def _position(self, row: PositionRow) -> OptionPosition:
        terms = await self._terms_of(row.symbol)
        ticker = await self._ticker(row.symbol)
        strike = f"{terms.strike.normalize():f}"
        symbol = unified(terms.baseCoin, terms.quoteCoin, terms.settleCoin, terms.deliveryTime)
        return OptionPosition(
            id=InstrumentId(self._link.account, f"{symbol}-{strike}-{terms.optionsType[0]}"),
            underlying=terms.baseCoin,
            option_type=_TYPES[terms.optionsType],
            strike=terms.strike,
            expiry_at=terms.deliveryTime,
            settlement_ms=SETTLEMENT_MS,
            payoff=Payoff.INVERSE if terms.settleCoin == terms.baseCoin else Payoff.LINEAR,
            settle=terms.settleCoin,
            quantity=signed(row),
            contract_multiplier=ONE,
            mark_price=ticker.markPrice,
            mark_sigma=ticker.markIv,
            forward_price=ticker.underlyingPrice,
            index_price=ticker.indexPrice,
            greeks=_greeks_of(ticker),
        )

    async def _terms_of(self, raw: str) -> _Terms:
        if raw not in self._terms:
            method = self._link.client.public_get_v5_market_instruments_info
            self._terms[raw] = await self._named("option terms", method, raw, _read_terms, Lane.RECONCILE)
        return self._terms[raw]

    async def _ticker(self, raw: str) -> OptionTicker:
        method = self._link.client.public_get_v5_market_tickers
        ticker: OptionTicker = await self._named("option prices", method, raw, _read_ticker, Lane.RECONCILE)
        return ticker

    async def _named(self, what: str, method: Any, raw: str, read: Understand[Any], lane: Lane) -> Any:
        """The one row of a public list that is about `raw`."""
        params = {"category": Category.OPTION.value, "symbol": raw}

        def understand(payload: Any) -> Any:
            found = [read(row) for row in rows_of(payload)]
            if len(found) != 1 or found[0].symbol != raw:
                raise ValueError(f"something else came as an answer about {raw}")
            return found[0]

        return await self._link.asker.need(
            what, lambda: method(dict(params)), understand, host=host_of(self._link), lane=lane
        )


def _greeks_of(ticker: OptionTicker) -> VenueGreeks:
    """Of one option of one coin, as the venue tells them."""

    def maybe(value: Decimal | None) -> float | None:
        return None if value is None else float(value)

    return VenueGreeks(
        delta=maybe(ticker.delta), gamma=maybe(ticker.gamma), vega=maybe(ticker.vega), theta=maybe(ticker.theta)
    )
