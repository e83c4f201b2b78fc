"""What Bybit lists: its names and ours, side by side, and the rules of what we trade."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field

from hedger.errors import ConfigError
from hedger.model.expiry_day import day_has_come
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.model.spans import MINUTE_MS
from hedger.venues.bybit.names import Category, raw_name, split_multiplier, unified
from hedger.venues.bybit.payloads import FeeRate
from hedger.venues.listing import Listed
from hedger.venues.wire import Name, NotNegative, Payload, Positive, reader

# Delivery is at the average of the index over the last half hour [V].
SETTLEMENT_MS = 30 * 60_000
USUAL_INTERVAL_MS = 8 * 60 * MINUTE_MS
_TRADING = "Trading"
Minutes = Annotated[int, Field(strict=True, ge=0, le=24 * 60)]


def _whole(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class _Price(Payload):
    tickSize: Positive


class _Lot(Payload):
    qtyStep: Positive
    minOrderQty: NotNegative
    maxOrderQty: Positive
    minNotionalValue: Annotated[NotNegative, BeforeValidator(lambda value: "0" if value == "" else value)] = ZERO


class _PairLot(Payload):
    basePrecision: Positive
    minOrderQty: NotNegative
    maxLimitOrderQty: Positive | None = None
    maxOrderQty: Positive | None = None
    minOrderAmt: NotNegative = ZERO


class _Head(Payload):
    symbol: Name
    status: Name
    baseCoin: Name
    quoteCoin: Name


class _Contract(_Head):
    contractType: Name
    settleCoin: Name
    deliveryTime: Annotated[int, BeforeValidator(_whole), Field(ge=0)] = 0
    fundingInterval: Minutes = 0
    priceFilter: _Price
    lotSizeFilter: _Lot


class _Pair(_Head):
    priceFilter: _Price
    lotSizeFilter: _PairLot


_read_head = reader(_Head)
_read_contract = reader(_Contract)
_read_pair = reader(_Pair)


class Market(NamedTuple):
    """A row of a listing by our name of it; its rules are read when they are needed."""

    symbol: str
    category: Category
    raw: str
    row: Mapping[str, Any]

    @property
    def is_trading(self) -> bool:
        """Whether the venue says that it is open for trading."""
        return bool(_read_head(self.row).status == _TRADING)


def markets_of(rows: Iterable[Mapping[str, Any]], category: Category, needed: Collection[str] = ()) -> list[Market]:
    """The markets of a listing. A row that says not even what it is is left out, but for one of the venue's names in
    `needed`, or one without a name, which may be any: ValueError. What is left out is not known, and a position in it
    is therefore not believed."""
    found = []
    for row in rows:
        try:
            found.append(Market(_symbol(row, category), category, _read_head(row).symbol, row))
        except ValueError:
            if needed and (not isinstance(name := row.get("symbol"), str) or not name or name in needed):
                raise
    return found


def _symbol(row: Mapping[str, Any], category: Category) -> str:
    head = _read_head(row)
    if category is Category.SPOT:
        return f"{head.baseCoin}/{head.quoteCoin}"
    settle = row.get("settleCoin") or (head.baseCoin if category is Category.INVERSE else head.quoteCoin)
    if not isinstance(settle, str):
        raise ValueError(f"{head.symbol} settles in something odd")
    return unified(head.baseCoin, head.quoteCoin, settle, _expiry(row))


def _expiry(row: Mapping[str, Any]) -> int | None:
    """When a dated contract is delivered. A perpetual has none: its time of delivery is when it is delisted."""
    told = str(row.get("deliveryTime") or "0")
    if not str(row.get("contractType", "")).endswith("Futures"):
        return None
    if not told.isdecimal() or int(told) <= 0:
        raise ValueError(f"{row.get('symbol')} has no time of delivery")
    return int(told)


def derivatives_of(markets: Iterable[Market]) -> dict[str, Listed]:
    """Every derivative by the venue's name. One inverse unit is worth one dollar, one linear unit is one coin."""
    found = {}
    for market in markets:
        underlying, multiplier = split_multiplier(str(market.row["baseCoin"]))
        inverse = market.category is Category.INVERSE
        found[market.raw] = Listed(
            market.symbol,
            underlying,
            ONE if inverse else multiplier,
            _expiry(market.row),
            Payoff.INVERSE if inverse else Payoff.LINEAR,
        )
    return found


def has_ended(symbol: str, markets: Mapping[str, Market], now: int) -> bool:
    """Whether a dated contract is over: its day has come, and it is listed no more or not open for trading."""
    return day_has_come(symbol, now) and (symbol not in markets or not markets[symbol].is_trading)


def interval_of(market: Market) -> int:
    """How often a perpetual pays funding, in milliseconds."""
    return int(_read_contract(market.row).fundingInterval) * MINUTE_MS or USUAL_INTERVAL_MS


def rules_of(market: Market, account: str, fees: FeeRate) -> Instrument:
    """The rules of one instrument. Raises ConfigError when it is not traded, ValueError when a rule is missing."""
    head = _read_head(market.row)
    if head.status != _TRADING:
        raise ConfigError(f"{market.symbol} is not open for trading on Bybit (its status is {head.status}).")
    return _pair_rules(market, account, fees) if market.category is Category.SPOT else _rules(market, account, fees)


def _pair_rules(market: Market, account: str, fees: FeeRate) -> Instrument:
    pair: _Pair = _read_pair(market.row)
    underlying, multiplier = split_multiplier(pair.baseCoin)
    lot = pair.lotSizeFilter
    most = lot.maxLimitOrderQty if lot.maxLimitOrderQty is not None else lot.maxOrderQty
    if most is None:
        raise ValueError(f"{market.raw} has no largest order")
    return Instrument(
        id=InstrumentId(account, market.symbol),
        kind=Kind.SPOT,
        underlying=underlying,
        quote=pair.quoteCoin,
        settle=pair.quoteCoin,
        contract_multiplier=multiplier,
        tick_size=pair.priceFilter.tickSize,
        lot_size=lot.basePrecision,
        min_quantity=lot.minOrderQty,
        max_quantity=most,
        min_notional=lot.minOrderAmt,
        maker_fee=fees.makerFeeRate,
        taker_fee=fees.takerFeeRate,
        post_only=True,
    )


def _rules(market: Market, account: str, fees: FeeRate) -> Instrument:
    contract: _Contract = _read_contract(market.row)
    inverse = market.category is Category.INVERSE
    if contract.settleCoin != (contract.baseCoin if inverse else contract.quoteCoin):
        told = "settles neither in the money that it is priced in nor in the coin that it is on"
        raise ConfigError(f"{market.symbol} {told}: it is not traded.")
    underlying, multiplier = split_multiplier(contract.baseCoin)
    expiry_at, lot = _expiry(market.row), contract.lotSizeFilter
    return Instrument(
        id=InstrumentId(account, market.symbol),
        kind=Kind.PERPETUAL if expiry_at is None else Kind.FUTURE,
        underlying=underlying,
        quote=contract.quoteCoin,
        settle=contract.settleCoin,
        contract_multiplier=Decimal(1) if inverse else multiplier,
        tick_size=contract.priceFilter.tickSize,
        lot_size=lot.qtyStep,
        min_quantity=lot.minOrderQty,
        max_quantity=lot.maxOrderQty,
        min_notional=lot.minNotionalValue,
        maker_fee=fees.makerFeeRate,
        taker_fee=fees.takerFeeRate,
        post_only=True,
        payoff=Payoff.INVERSE if inverse else Payoff.LINEAR,
        expiry_at=expiry_at,
        settlement_ms=0 if expiry_at is None else SETTLEMENT_MS,
    )


def name_of_ended(symbol: str) -> str:
    """The venue's name of a dated contract that it lists no more."""
    return raw_name(symbol)
