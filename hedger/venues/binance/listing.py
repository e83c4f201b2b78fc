"""What Binance lists: its names and ours, side by side, and the rules of what we trade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AliasChoices, Field

from hedger.errors import ConfigError
from hedger.model.expiry_day import day_has_come
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.model.numeric import ZERO
from hedger.venues.binance.payloads import CommissionRate
from hedger.venues.listing import Listed, split_multiplier
from hedger.venues.wire import Name, NotNegative, Payload, Positive, reader

_SPOT_FEE = Decimal("0.001")
_DATED = ("_MONTH", "_QUARTER")
_ENDING = " DELIVERING"  # while it settles a dated contract is still one
# Delivery is at the average of the index, taken each second over the last half hour (since 11 November 2024) [V].
SETTLEMENT_MS = 30 * 60_000


class _PriceFilter(Payload):
    tickSize: Positive


class _LotSize(Payload):
    stepSize: Positive
    minQty: NotNegative
    maxQty: Positive


class _Notional(Payload):
    notional: NotNegative | None = None
    minNotional: NotNegative | None = None


class _Symbol(Payload):
    symbol: Name
    # COIN-M calls it `contractStatus`.
    status: Annotated[Name, Field(validation_alias=AliasChoices("status", "contractStatus"))]
    baseAsset: Name
    quoteAsset: Name
    marginAsset: Name | None = None
    contractType: str | None = None
    deliveryDate: int | None = None
    contractSize: Positive | None = None
    orderTypes: list[str]
    timeInForce: tuple[str, ...] = ()
    filters: Annotated[list[dict[str, Any]], Field(min_length=1)]


_read_symbol = reader(_Symbol)
_read_price = reader(_PriceFilter)
_read_lot = reader(_LotSize)
_read_notional = reader(_Notional)


def has_ended(symbol: str, markets: Mapping[str, Any], now: int) -> bool:
    """Whether a dated contract is over: its day has come, and it is listed no more or not open for trading.

    ValueError where the venue does not say that.
    """
    if not day_has_come(symbol, now):
        return False
    return symbol not in markets or not is_trading(markets[symbol])


def is_trading(market: Mapping[str, Any]) -> bool:
    """Whether the venue says that it is open for trading; ValueError where it says nothing of it."""
    return bool(_read_symbol(market["info"]).status == "TRADING")


def rules_of(market: Mapping[str, Any], account: str, fees: CommissionRate | None) -> Instrument:
    """The rules of one instrument from ccxt's market, read from the venue's own filters.

    Raises ConfigError when it is not open for trading, ValueError when a rule is missing.
    """
    listed: _Symbol = _read_symbol(market["info"])
    symbol = str(market["symbol"])
    if not is_trading(market):
        raise ConfigError(f"{symbol} is not open for trading on Binance (its status is {listed.status}).")
    spot, expiry_at = listed.contractType is None, _expiry(listed)
    underlying, multiplier, payoff = terms_of(market)
    lot = _read_lot(_filter(listed, "LOT_SIZE"))
    return Instrument(
        id=InstrumentId(account, symbol),
        kind=Kind.SPOT if spot else Kind.PERPETUAL if expiry_at is None else Kind.FUTURE,
        underlying=underlying,
        quote=str(market["quote"]),
        settle=str(market["quote"] if spot else market["settle"]),
        contract_multiplier=multiplier,
        tick_size=_read_price(_filter(listed, "PRICE_FILTER")).tickSize,
        lot_size=lot.stepSize,
        min_quantity=lot.minQty,
        max_quantity=lot.maxQty,
        min_notional=_least_notional(listed, spot),
        maker_fee=fees.makerCommissionRate if fees is not None else _SPOT_FEE,
        taker_fee=fees.takerCommissionRate if fees is not None else _SPOT_FEE,
        post_only="LIMIT_MAKER" in listed.orderTypes if spot else "GTX" in listed.timeInForce,
        payoff=payoff,
        expiry_at=expiry_at,
        settlement_ms=0 if expiry_at is None else SETTLEMENT_MS,
    )


def terms_of(market: Mapping[str, Any]) -> tuple[str, Decimal, Payoff]:
    """The coin of a market, what one unit of it is (coins, or quote of a contract that settles in its coin), and in
    what it pays; ValueError where a contract in coins has no size."""
    underlying, multiplier = split_multiplier(str(market["base"]))
    if not market.get("inverse"):
        return underlying, multiplier, Payoff.LINEAR
    size = _read_symbol(market["info"]).contractSize
    if size is None:
        raise ValueError(f"{market['symbol']} has no contract size")
    return underlying, size, Payoff.INVERSE


def _expiry(listed: _Symbol) -> int | None:
    """When a dated contract is delivered; ValueError where the venue does not say when. A perpetual has none, whatever
    date far away its row has."""
    if listed.contractType is None or not listed.contractType.removesuffix(_ENDING).endswith(_DATED):
        return None
    if listed.deliveryDate is None or listed.deliveryDate <= 0:
        raise ValueError(f"{listed.symbol} has no day of delivery")
    return listed.deliveryDate


def _filter(listed: _Symbol, name: str) -> dict[str, Any]:
    for row in listed.filters:
        if row.get("filterType") == name:
            return row
    raise ValueError(f"{listed.symbol} has no {name} filter")


def _least_notional(listed: _Symbol, spot: bool) -> Decimal:
    """The smallest order in quote. A spot filter names it otherwise than a futures filter, and may be absent."""
    names = ("NOTIONAL", "MIN_NOTIONAL") if spot else ("MIN_NOTIONAL",)
    for row in listed.filters:
        if row.get("filterType") in names:
            least = _read_notional(row)
            found = least.minNotional if spot else least.notional
            if found is None:
                raise ValueError(f"{listed.symbol} has a notional filter without a value")
            return Decimal(found)
    return ZERO


def derivatives_of(markets: Sequence[Mapping[str, Any]]) -> dict[str, Listed]:
    """Every derivative by the venue's name."""
    found = {}
    for market in markets:
        try:
            underlying, multiplier, payoff = terms_of(market)
        except ValueError:
            continue  # Whoever meets a position in it says that it is in no listing.
        expiry_at = _told_expiry(market)
        found[str(market["id"])] = Listed(str(market["symbol"]), underlying, multiplier, expiry_at, payoff)
    return found


def _told_expiry(market: Mapping[str, Any]) -> int | None:
    """As ccxt reads it: a listing names hundreds of contracts that are nobody's concern."""
    return int(market["expiry"]) if market.get("expiry") else None
