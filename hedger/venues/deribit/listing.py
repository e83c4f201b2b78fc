"""What Deribit lists, and the rules of what we trade there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

from hedger.errors import AskAgain, ConfigError
from hedger.model.expiry_day import day_has_come
from hedger.model.instrument import Instrument, InstrumentId, Kind, Payoff
from hedger.model.numeric import ZERO, is_multiple
from hedger.venues.asking import Understand
from hedger.venues.deribit.names import SETTLEMENT_MS
from hedger.venues.deribit.payloads import Fee, Listed, Step
from hedger.venues.wire import Moment, reader

# The venue names no largest order; what it takes is limited by the account's margin and limits.
LARGEST = Decimal(10) ** 9
_read_listed: Understand[Listed] = reader(Listed)
_read_moment: Understand[int] = reader(Moment)


def is_trading(market: Mapping[str, Any]) -> bool:
    """Whether the venue says that it is open for trading; ValueError where it says nothing of it."""
    listed = _read_listed(market["info"])
    return listed.is_active and listed.state in (None, "open")


def has_ended(symbol: str, markets: Mapping[str, Any], now: int) -> bool:
    """Whether a dated contract is over: its day has come, and it is listed no more or not open for trading."""
    return day_has_come(symbol, now) and (symbol not in markets or not is_trading(markets[symbol]))


def rules_of(market: Mapping[str, Any], account: str, fees: Sequence[Fee]) -> Instrument:
    """The rules of one instrument from ccxt's market, read from the venue's own row.

    A unit is the venue's `amount`: a dollar of an inverse contract, a coin of a linear one and of a pair. Raises
    ConfigError when it is not open for trading, AskAgain while it is settled, which takes some seconds each day, and
    ValueError when a rule is missing or two do not fit together.
    """
    listed, symbol = _read_listed(market["info"]), str(market["symbol"])
    if listed.state == "settlement":
        raise AskAgain(f"deribit: {symbol} is being settled, which takes some seconds.")
    if not is_trading(market):
        raise ConfigError(f"{symbol} is not open for trading on Deribit (its state is {listed.state or 'not active'}).")
    kind, settle = _kind(listed), listed.settlement_currency or listed.counter_currency
    inverse = kind is not Kind.SPOT and settle == listed.base_currency
    if kind is not Kind.SPOT and not inverse and settle != listed.counter_currency:
        raise ConfigError(f"{symbol} settles in neither its coin nor what it is priced in: it is not traded.")
    maker, taker = _fees(listed, kind, settle, fees)
    expiry_at = _read_moment(listed.expiration_timestamp) if kind is Kind.FUTURE else None
    return Instrument(
        id=InstrumentId(account, symbol),
        kind=kind,
        underlying=listed.base_currency,
        quote=listed.counter_currency,
        settle=settle,
        contract_multiplier=Decimal(1),
        tick_size=tick_for_every_price(listed.tick_size, listed.tick_size_steps),
        lot_size=_lot(listed, kind),
        min_quantity=listed.min_trade_amount,
        max_quantity=LARGEST,
        min_notional=ZERO,
        maker_fee=maker,
        taker_fee=taker,
        post_only=True,
        payoff=Payoff.INVERSE if inverse else Payoff.LINEAR,
        expiry_at=expiry_at,
        settlement_ms=0 if expiry_at is None else SETTLEMENT_MS,
    )


def tick_for_every_price(tick: Decimal, steps: Sequence[Step]) -> Decimal:
    """The least common multiple of all grids of prices that an instrument has: a price on it is on the venue's grid
    wherever it lies. The venue's tick depends on the price, and ours must not."""
    grids = [Fraction(tick), *(Fraction(step.tick_size) for step in steps)]
    scale = lcm(*(grid.denominator for grid in grids))
    whole = lcm(*(int(grid * scale) for grid in grids))
    return Decimal(whole) / Decimal(scale)


def _lot(listed: Listed, kind: Kind) -> Decimal:
    """The smallest amount, which amounts are multiples of as of the contract size: ten dollars of BTC-PERPETUAL."""
    if kind is not Kind.SPOT and not is_multiple(listed.min_trade_amount, listed.contract_size):
        raise ValueError(f"the smallest amount of {listed.instrument_name} is no multiple of its contract size")
    return listed.min_trade_amount


def _kind(listed: Listed) -> Kind:
    if listed.kind == "spot":
        return Kind.SPOT
    if listed.kind != "future":
        raise ConfigError(f"{listed.instrument_name} is no pair, perpetual or dated future: it is not traded.")
    return Kind.PERPETUAL if listed.settlement_period == "perpetual" else Kind.FUTURE


def _fees(listed: Listed, kind: Kind, settle: str, fees: Sequence[Fee]) -> tuple[Decimal, Decimal]:
    """(maker, taker): those of the listing, or the account's own: a relative one is a share of the listing's [V]."""
    maker, taker = listed.maker_commission, listed.taker_commission
    for fee in fees:
        if kind is not Kind.SPOT and fee.kind == kind.value and fee.scope in (settle, listed.price_index):
            return (fee.maker, fee.taker) if fee.type == "fixed" else (maker * fee.maker, taker * fee.taker)
    return maker, taker
