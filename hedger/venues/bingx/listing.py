"""What BingX lists: its names and ours, side by side, and the rules of what we trade."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from hedger.errors import ConfigError
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.model.numeric import ONE, ZERO
from hedger.venues.bingx.answers import MaybeFlag
from hedger.venues.bingx.codes import LONGEST_WINDOW_MS
from hedger.venues.bingx.payloads import Fees
from hedger.venues.listing import Listed, name_there, not_listed, split_multiplier
from hedger.venues.wire import Name, NotNegative, Payload, Positive, reader

_DATED = re.compile(r".*-[0-9]{6}")
_SPOT_FEE = Decimal("0.001")
# The venue tells no largest order: it refuses one that is larger than its tiers of risk allow.
_MOST_UNITS = Decimal(10) ** 9
_ONLINE = 1


def _whole(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


Digits = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=0, le=18)]
State = Annotated[int, BeforeValidator(_whole), Field(strict=True)]


class _LinearRow(Payload):
    symbol: Name
    quantityPrecision: Digits
    pricePrecision: Digits
    tradeMinQuantity: NotNegative
    tradeMinUSDT: NotNegative
    status: State
    apiStateOpen: MaybeFlag
    apiStateClose: MaybeFlag


class _InverseRow(Payload):
    symbol: Name
    pricePrecision: Digits
    minTickSize: Positive
    minTradeValue: NotNegative
    minQty: Positive
    status: State


class _Worth(Payload):
    minTickSize: Positive


class _SpotRow(Payload):
    symbol: Name
    tickSize: Positive
    stepSize: Positive
    minNotional: NotNegative
    status: State


_read_linear = reader(_LinearRow)
_read_inverse = reader(_InverseRow)
_read_worth = reader(_Worth)
_read_spot = reader(_SpotRow)


def is_inverse(symbol: str) -> bool:
    """Whether a contract settles in the coin that it is on: `BTC/USD:BTC`."""
    pair, _, settle = symbol.partition(":")
    return bool(settle) and pair.partition("/")[0] == settle


def raw_name(client: Any, symbol: str) -> str:
    """BingX's own name of a contract or a pair: `BTC/USDT:USDT` is BTC-USDT there. A few coins have another in ccxt."""
    base, _, quote = symbol.partition(":")[0].partition("/")
    return f"{name_there(client, base)}-{quote}"


def unknown_symbol(symbol: str, known: Iterable[str]) -> ConfigError:
    """The sentence for a symbol that the venue does not list, with the nearest that it does."""
    if _DATED.fullmatch(symbol):
        return ConfigError(f"BingX has no dated contracts, and so no {symbol}: take a perpetual.")
    return not_listed("BingX", symbol, known)


def is_trading(market: Mapping[str, Any]) -> bool:
    """Whether a market is open for orders by API; ValueError where the venue says nothing of it."""
    if market["type"] == "spot":
        return bool(_read_spot(market["info"]).status == _ONLINE)
    if market["inverse"]:
        return bool(_read_inverse(market["info"]).status == _ONLINE)
    row: _LinearRow = _read_linear(market["info"])
    return row.status == _ONLINE and row.apiStateOpen is True and row.apiStateClose is True


def rules_of(market: Mapping[str, Any], account: str, fees: Fees | None) -> Instrument:
    """The rules of one instrument from the venue's own row, and our fees on its book (None: a spot pair).

    Raises ConfigError when it is not open for trading, ValueError when a rule is missing.
    """
    symbol = str(market["symbol"])
    if not is_trading(market):
        raise ConfigError(f"{symbol} is not open for trading by API on BingX.")
    if fees is None:
        return _spot_rules(market, account)
    return _inverse_rules(market, account, fees) if market["inverse"] else _linear_rules(market, account, fees)


def _linear_rules(market: Mapping[str, Any], account: str, fees: Fees) -> Instrument:
    row: _LinearRow = _read_linear(market["info"])
    underlying, multiplier = split_multiplier(str(market["base"]))
    return Instrument(
        id=InstrumentId(account, str(market["symbol"])),
        kind=Kind.PERPETUAL,
        underlying=underlying,
        quote=str(market["quote"]),
        settle=str(market["settle"]),
        contract_multiplier=multiplier,
        tick_size=ONE.scaleb(-row.pricePrecision),
        lot_size=ONE.scaleb(-row.quantityPrecision),
        min_quantity=max(row.tradeMinQuantity, ONE.scaleb(-row.quantityPrecision)),
        max_quantity=_MOST_UNITS,
        min_notional=row.tradeMinUSDT,
        maker_fee=fees.makerCommissionRate,
        taker_fee=fees.takerCommissionRate,
        post_only=True,
        transit_ms=LONGEST_WINDOW_MS,
    )


def _inverse_rules(market: Mapping[str, Any], account: str, fees: Fees) -> Instrument:
    """Orders and positions count contracts, of which one is worth `minTickSize` dollars; they are whole [V]."""
    row: _InverseRow = _read_inverse(market["info"])
    return Instrument(
        id=InstrumentId(account, str(market["symbol"])),
        kind=Kind.PERPETUAL,
        underlying=str(market["base"]),
        quote=str(market["quote"]),
        settle=str(market["base"]),
        contract_multiplier=row.minTickSize,
        tick_size=ONE.scaleb(-row.pricePrecision),
        lot_size=ONE,
        min_quantity=max(row.minQty, ONE),
        max_quantity=_MOST_UNITS,
        min_notional=row.minTradeValue,
        maker_fee=fees.makerCommissionRate,
        taker_fee=fees.takerCommissionRate,
        post_only=True,
        payoff=Payoff.INVERSE,
        transit_ms=LONGEST_WINDOW_MS,
    )


def _spot_rules(market: Mapping[str, Any], account: str) -> Instrument:
    """A pair is there for its price; it is not traded, so its fees are the venue's usual ones."""
    row: _SpotRow = _read_spot(market["info"])
    underlying, multiplier = split_multiplier(str(market["base"]))
    return Instrument(
        id=InstrumentId(account, str(market["symbol"])),
        kind=Kind.SPOT,
        underlying=underlying,
        quote=str(market["quote"]),
        settle=str(market["quote"]),
        contract_multiplier=multiplier,
        tick_size=row.tickSize,
        lot_size=row.stepSize,
        min_quantity=ZERO,
        max_quantity=_MOST_UNITS,
        min_notional=row.minNotional,
        maker_fee=_SPOT_FEE,
        taker_fee=_SPOT_FEE,
        post_only=False,
    )


def derivatives_of(markets: Sequence[Mapping[str, Any]]) -> dict[str, Listed]:
    """Every contract by the venue's name. One in coins whose worth is not understood is left out, as if it were not
    listed: a position in it is then no reading."""
    found = {}
    for market in markets:
        symbol, raw = str(market["symbol"]), str(market["id"])
        if market["inverse"]:
            with suppress(ValueError):
                value = _read_worth(market["info"]).minTickSize
                found[raw] = Listed(symbol, str(market["base"]), value, payoff=Payoff.INVERSE)
        else:
            found[raw] = Listed(symbol, *split_multiplier(str(market["base"])))
    return found
